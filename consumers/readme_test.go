package consumers_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

const readmePath = "README.md"

// The document agrees with the registry and with the snapshot.
// STAMPEDE_UPDATE=1 writes it, STAMPEDE_SNAPSHOT copies results into the snapshot first.
func TestReadme(t *testing.T) {
	want := readme(t)
	if os.Getenv("STAMPEDE_UPDATE") == "1" || os.Getenv("STAMPEDE_SNAPSHOT") != "" {
		if err := os.WriteFile(readmePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(was) != want {
		t.Errorf("%s differs from the registrations: STAMPEDE_UPDATE=1 go test -run TestReadme ./consumers", readmePath)
	}
}

const readmeIntro = `# The consumers

Each consumer is one file. Their registrations generate this page (` + "`STAMPEDE_UPDATE=1 go test -run TestReadme ./consumers`" + `). W is the
number of workers of a pod. M is its window: the most records that it accepts at or above the low watermark. Below the low watermark of a
partition all records are completed. The *serial unit* is what a design works on one record at a time: a hot one bounds the whole load,
see harness/capacity. The shared parts are packages with a README each: [client](client/README.md), [group](group/README.md),
[pool](pool/README.md), [relay](relay/README.md), [sharegroup](sharegroup/README.md), [txn](txn/README.md).

| consumer | delivery | order | serial unit | throughput at most |
|---|---|---|---|---|
`

const readmeShared = `
## What holds for all but the controls

- *Work that fails* is tried again in place, with a pause that doubles from 10 ms to 1 s. The order holds meanwhile.
- *A poison record* is one whose work always fails. Unless a design says otherwise below, it holds up the records that must come after it,
  and the low watermark, until the window is full. Nothing is lost; the run reports a stall.
- *A panic* of the work ends the pod, as it ends any Go program. The next owner of its partitions starts at the commit.
- *A broker that is down* for less than a session timeout costs only time. If it is down for longer, the pod loses its membership and
  the next owner repeats what was not committed.
- *A rebalance* waits for the records in work, for half a session timeout at most. Then their work is cancelled, and the next owner gets them.
  A member commits only for partitions that it still owns.
- *Memory* is limited by M and by what the client fetches ahead, whatever the backlog.
`

func readme(t *testing.T) string {
	t.Helper()
	var b, each strings.Builder
	var names []string
	b.WriteString(readmeIntro)
	for _, i := range harness.Implementations() {
		if i.Mutant {
			continue
		}
		if i.Doc == "" || i.Use == "" || i.Bound == "" || i.Crash == "" {
			t.Errorf("%s needs Doc, Use, Bound and Crash", i.Name)
		}
		names = append(names, i.Name)
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", i.Name, i.Name, i.Delivery, i.Order, serialUnit(i), i.Bound)
		fmt.Fprintf(&each, "\n## %s\n\n%s\n\n- *Claims*: %s.\n- *Use*: %s\n- *Bound*: %s\n- *A crash*: %s\n", i.Name, i.Doc, claims(i), i.Use, i.Bound, i.Crash)
		for _, k := range i.Knobs {
			fmt.Fprintf(&each, "- *Knob* `%s=%s`: %s\n", k.Name, k.Default, k.Doc)
		}
	}
	return b.String() + readmeShared + each.String() + snapshotSections(t, names)
}

// serialUnit is what the design works on one record at a time with the defaults of its knobs.
func serialUnit(i *harness.Implementation) string {
	cfg := harness.Config{Workers: 50}
	_ = harness.Selection{Implementation: i}.Apply(&cfg) // it fails on knobs that are given alone
	s := i.SerialOf(cfg)
	words := string(s.Unit)
	if s.Batch > 1 {
		words += fmt.Sprintf(", in batches of up to %d", s.Batch)
	}
	if s.Ways > 1 {
		words += fmt.Sprintf(", split into %d", s.Ways)
	}
	if s.Prepares {
		words += ", but for what is prepared"
	}
	return words
}

func claims(i *harness.Implementation) string {
	order := "order by " + string(i.Order)
	if i.Order == harness.OrderNone {
		order = "no order"
	}
	s := string(i.Delivery) + ", " + order
	for _, e := range i.MustFail {
		s += fmt.Sprintf("; a control, which must fail %s by %s", e.Scenario, e.Check)
	}
	return s
}
