package mutants_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// A queue without limit passes the memory limit of its pod, which is killed for it. The run names
// the memory and the queue.
func TestQueueWithoutLimitMissesTheMemoryObjective(t *testing.T) {
	lock.Machine(t)
	s, ok := findScenario("memory-limit")
	if !ok {
		t.Fatal("the scenario memory-limit is missing")
	}
	r := trial.RunOn(t, "embedded", s, "mutant-queues-without-limit", 1)
	if r.Status != harness.Fail || !strings.Contains(strings.Join(r.Reasons, "; "), "objective rss-max<=56MiB: ") {
		t.Errorf("%s: %q", r.Status, r.Reasons)
	}
	if !slices.Contains(trial.FindingsOf(r), oracle.CheckExcessBuffering) {
		t.Errorf("%s did not find its queue", oracle.CheckExcessBuffering)
	}
	if len(r.Faults) != 1 {
		t.Fatalf("faults %+v", r.Faults)
	}
	limited := slices.IndexFunc(r.Pods, func(p harness.PodReport) bool { return p.Name == r.Faults[0].Target })
	if limited < 0 || r.Pods[limited].Incarnations < 2 || r.Pods[limited].MaxRSS <= 56<<20 {
		t.Errorf("%s was not killed for its memory: %+v", r.Faults[0].Target, r.Pods)
	}
}
