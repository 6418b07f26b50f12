package soak_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// Each design keeps its claims under random faults. make soak-consumers runs it with more
// seeds, under each protocol.
func TestAllDesignsKeepTheirClaims(t *testing.T) {
	seeds, protocols := soakExtent(t, 3)
	for _, i := range honestDesigns() {
		for _, p := range protocols {
			if i.Share && p != protocols[0] {
				continue
			}
			name := i.Name + "@" + string(p)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(seeds) {
					requirePass(t, trial.RunVirtual(t, trial.Chaos(seed+1), name, seed+1), name, seed+1)
				}
			})
		}
	}
}

// A pod whose work panics dies, and another pod begins at its commit. The checks find the
// dead pods and the work that no pod is left to do, and nothing else.
func TestPanicLosesNoRecord(t *testing.T) {
	panics := trial.NewScenario("panic", "the work on some records panics", func(s *harness.Scenario) { s.Failures.Panic = 0.01 })
	for _, i := range honestDesigns() {
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			r := trial.RunVirtual(t, panics, i.Name, 1)
			if r.Status != harness.Fail || !slices.Contains(trial.FindingsOf(r), oracle.CheckPodLiveness) {
				t.Errorf("%s: %v: want pods that died", r.Status, r.Reasons)
			}
			for _, v := range r.Verdicts {
				if v.Status == harness.Fail && v.Check != oracle.CheckPodLiveness && v.Check != oracle.CheckStall {
					t.Errorf("%s: %s", v.Check, trial.FirstExample(v))
				}
			}
		})
	}
}

// A partition that was paused because the window was full is read on, even in a window of
// one record.
func TestWindowOfOneRecordIsEnough(t *testing.T) {
	narrow := trial.NewScenario("narrow", "little load", func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 20, For: 2 * time.Second}
		s.Drain = 30 * time.Second
	})
	for _, name := range []string{"partition", "hashq", "keyed", "delay"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requirePass(t, trial.RunVirtual(t, narrow, name+"?workers=1&window=1", 1), name, 1)
		})
	}
}
