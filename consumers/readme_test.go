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
		t.Errorf("%s is not what is registered: STAMPEDE_UPDATE=1 go test -run TestReadme ./consumers", readmePath)
	}
}

const readmeIntro = `# The consumers

One file each, made from the registrations in it (` + "`STAMPEDE_UPDATE=1 go test -run TestReadme ./consumers`" + `). W is the workers of a pod, M its
window: the records it has taken that are not under the low watermark yet, the lowest offset whose work is unfinished.

| consumer | delivery | order | throughput at most |
|---|---|---|---|
`

const readmeShared = `
## What holds for all but the controls

- *Work that fails* is tried again where it is, with a pause that doubles from 10 ms to a second; its order holds meanwhile.
- *A poison record* is work that fails for ever, unless a design says otherwise below: it holds what must come after it and the low
  watermark, until the window is full. Nothing is lost, and the run calls it a stall.
- *A panic* of the work ends the pod, as it ends any Go program; the next owner of its partitions begins at the commit.
- *A broker gone* for less than a session costs the pod nothing but time; for longer, its membership, and what was not committed is repeated.
- *A rebalance* waits for the work in hand, for half a session at most; then that is cancelled, and is the next owner's. What is
  committed is only what is still owned.
- *Memory* is bounded by M and by what the client fetches ahead, whatever the backlog.
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
			t.Errorf("%s does not say what it is, when to use it, what bounds it and what its crash costs", i.Name)
		}
		names = append(names, i.Name)
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", i.Name, i.Name, i.Delivery, i.Order, i.Bound)
		fmt.Fprintf(&each, "\n## %s\n\n%s\n\n- *Claims*: %s.\n- *Use*: %s\n- *Bound*: %s\n- *A crash*: %s\n", i.Name, i.Doc, claims(i), i.Use, i.Bound, i.Crash)
		for _, k := range i.Knobs {
			fmt.Fprintf(&each, "- *Knob* `%s=%s`: %s\n", k.Name, k.Default, k.Doc)
		}
	}
	return b.String() + readmeShared + each.String() + snapshotSections(t, names)
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
