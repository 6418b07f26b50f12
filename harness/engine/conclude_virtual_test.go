//go:build synctests

package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// Only the replay shows that the producer was late. That delays every key, so the check of
// the blast radius must be inconclusive, also in the saved ledger.
func TestLateProducerMakesBlastRadiusInconclusive(t *testing.T) {
	p := calmPlan(t, "", func(s *harness.Scenario) {
		s.Load.Pacer = stuck{s.Load.Pacer.(load.Constant)}
		s.Load.Keys = load.Hot{Fraction: 0.1, Hot: 1, Others: 1000}
		s.Objectives = "others-p99<=500ms"
	})
	p.KeepIn = filepath.Join(t.TempDir(), "kept")
	r := inBubble(t, p, nil)
	i := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == oracle.CheckBlastRadius })
	if v := r.Verdicts[i]; v.Count == 0 || v.Status != harness.Inconclusive || r.Status != harness.Inconclusive {
		t.Errorf("the run is %s: %v; blast radius is %s with %d: %s", r.Status, r.Reasons, v.Status, v.Count, v.Detail)
	}
	judgedAgain(t, p.KeepIn, r.Verdicts)
}

// A ledger that cannot be saved in its folder stays in the scratch folder of the run.
func TestLedgerThatCannotBeSavedStaysInScratch(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := calmPlan(t, "", nil)
	file := filepath.Join(temp, "no folder")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p.KeepIn, p.KeepAll = filepath.Join(file, "kept"), true
	r := inBubble(t, p, nil)
	if r.Status != harness.Pass || !strings.HasPrefix(r.Ledger, temp) || !strings.Contains(r.LedgerError, "it is in "+r.Ledger) {
		t.Fatalf("%s, ledger in %s: %s; want a pass, and where the ledger is", r.Status, r.Ledger, r.LedgerError)
	}
	engine.Sweep()
	left, _ := filepath.Glob(filepath.Join(temp, "stampede-run-*"))
	if len(left) != 1 {
		t.Fatalf("folders of runs: %q, want that of this one", left)
	}
	s, err := engine.OpenSaved(left[0])
	if err != nil {
		t.Fatal(err)
	}
	if j, err := s.Judge(); err != nil || len(j.Verdicts) < 2 || len(j.Changed) > 0 {
		t.Errorf("judged again it is %+v, error %v", j, err)
	}
}

// The result has each objective as it was asked, and what is needed to judge it again: the end of
// the load, when the backlog was empty, and the shares of the partitions.
func TestRunReportsItsObjectives(t *testing.T) {
	p := calmPlan(t, "", func(s *harness.Scenario) {
		s.Objectives = "p95<1m, p99@steady<1m, drain<30s, max<1us, recovery<1s, records/s>1/s"
	})
	r := inBubble(t, p, nil)
	var got []string
	for _, o := range r.Objectives {
		got = append(got, o.Objective+": "+string(o.Verdict))
	}
	want := []string{"p95<1m: met", "p99@steady<1m: met", "drain<30s: met", "max<1µs: missed", "recovery<1s: missing", "records/s>1/s: met"}
	if !slices.Equal(got, want) || r.Status != harness.Fail || !strings.HasPrefix(strings.Join(r.Reasons, "; "), "objective max<1µs: ") {
		t.Errorf("objectives are %q, status %s %q", got, r.Status, r.Reasons)
	}
	total := 0.0
	for _, share := range r.Load.Partitions {
		total += share
	}
	if len(r.Load.Partitions) != p.Scenario.Partitions || total < 0.999 || total > 1.001 {
		t.Errorf("the shares of the partitions are %v", r.Load.Partitions)
	}
	if last := time.Duration(float64(r.Counts.Sent-1) / r.Load.Offered * float64(time.Second)); (r.LoadEnd - last).Abs() > time.Millisecond {
		t.Errorf("the load ended at %v, want %v", r.LoadEnd, last)
	}
	if r.Emptied < r.LoadEnd-time.Second || r.EndToEnd.N == 0 || r.EndToEnd.Max == 0 {
		t.Errorf("the backlog was empty at %v, the latencies are %+v", r.Emptied, r.EndToEnd)
	}
}
