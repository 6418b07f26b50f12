package soak_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
)

// Designs that copy failed records keep their claims under random faults, while the work on
// a tenth of the records fails three times and the work on some never succeeds.
func TestDesignsThatCopyFailedRecordsKeepTheirClaims(t *testing.T) {
	seeds, _ := soakExtent(t, 3)
	for _, name := range []string{"retry-ordered", "hol-cancel", "retry-dlq"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range harness.Protocols {
				for seed := range uint64(seeds) {
					s := trial.Chaos(seed + 1)
					s.Failures = harness.Failures{Fraction: 0.1, Times: 3, Poison: 0.01}
					consumer := name + "@" + string(p)
					requirePass(t, trial.RunVirtual(t, s, consumer, seed+1), consumer, seed+1)
				}
			}
		})
	}
}

// hol-cancel gives up the records that block its window, and keeps its claims when a pod is
// killed meanwhile. In a window as small as this a sick record would hold up all others.
func TestHolCancelGivesUpRecordsThatBlockTheWindow(t *testing.T) {
	blocked := trial.NewScenario("blocked", "the work on one key in forty fails for three seconds a record, in a small window; a pod is killed meanwhile, and comes back", func(s *harness.Scenario) {
		s.Window, s.Drain = 60, 60*time.Second
		s.Failures = harness.Failures{Keys: []uint32{0}, Times: 9}
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 2 * trial.FaultAt, HealAfter: time.Second}}
	})
	for _, p := range harness.Protocols {
		for seed := range uint64(5) {
			consumer := "hol-cancel@" + string(p)
			r := trial.RunVirtual(t, blocked, consumer, seed+1)
			requirePass(t, r, consumer, seed+1)
			if r.Counts.Completed == r.Counts.Appended {
				t.Errorf("%s, seed %d: all %d records are completed, want some given up", p, seed+1, r.Counts.Appended)
			}
		}
	}
}
