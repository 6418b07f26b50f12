package reports

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

func TestSnapshotReadsWhatItWrote(t *testing.T) {
	var f Snapshot
	f.ReplaceRuns(saved(t))
	var b bytes.Buffer
	if err := f.JSON(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSnapshot(&b)
	if err != nil || !reflect.DeepEqual(got, &f) {
		t.Errorf("read %+v, %v; wrote %+v", got, err, f)
	}
	_, err = ReadSnapshot(strings.NewReader(`{"rounds":[]}`))
	wantError(t, err, "read the snapshot")
}

func TestSnapshotReplacesRunsOfTheSameBackend(t *testing.T) {
	of := func(backend, command string) *harness.Comparison {
		c := saved(t)
		c.Backend, c.Command = backend, command
		return c
	}
	var f Snapshot
	f.ReplaceRuns(of("docker", "a"), of("embedded", "b"))
	f.ReplaceRuns(of("docker", "c"), of("docker", "d"))
	var got string
	for _, r := range f.Runs {
		got += r.Backend + " " + r.Command + ", "
	}
	if want := "embedded b, docker c, docker d, "; got != want {
		t.Errorf("runs %q, want %q", got, want)
	}
}

func TestSnapshotVerdicts(t *testing.T) {
	run := harness.Run{Scenario: "s", Consumer: "c", Assumptions: []harness.Assumption{{Name: "group formed", Held: true}, {Name: "no pod starved"}}}
	for status, want := range map[harness.Status]string{
		harness.Pass: "as claimed", harness.Inconclusive: "inconclusive: no pod starved", harness.Fail: "fail: key inversion 3", harness.Overload: "overload (not allowed here)",
	} {
		run.Status = status
		run.Verdicts = []harness.Verdict{{Check: oracle.CheckLoss, Status: harness.Pass}}
		if status == harness.Fail {
			run.Verdicts = append(run.Verdicts, harness.Verdict{Check: oracle.CheckKeyInversion, Status: harness.Fail, Count: 3})
		}
		cell := harness.Cell{Scenario: "s", Consumer: "c", Runs: []int{0}, Status: status, Expected: status == harness.Pass}
		v := newView(&harness.Comparison{Runs: []harness.Run{run}, Cells: []harness.Cell{cell}})
		if got := v.snapshotVerdict(&cell); got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}
