package soak_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// With a lag limit that every pod always exceeds, skip-compensate records skipped ranges and
// works them off under random faults.
func TestSkipCompensateLosesNothingUnderFaults(t *testing.T) {
	for _, p := range harness.Protocols {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(8) {
				s := trial.Chaos(seed + 1)
				s.Load.Pacer = load.Constant{Rate: 200, For: 15 * time.Second}
				consumer := "skip-compensate@" + string(p) + "?lag=5&workers=1&window=20"
				requirePass(t, trial.RunVirtual(t, s, consumer, seed+1), consumer, seed+1)
			}
		})
	}
}

// After a burst, half of the recent records are completed soon: skipped records get only the
// workers that recent records leave idle. In log order recent records wait for the whole
// burst. The limit is small, because the records below it in each partition are not skipped
// and come before all recent ones.
func TestSkipCompensateCompletesRecentRecordsFirst(t *testing.T) {
	skipped, inOrder := medianOfRecent(t, "skip-compensate", "?lag=100"), medianOfRecent(t, "unordered", "")
	t.Logf("half of the recent records are completed within %v, and within %v in log order", skipped, inOrder)
	if skipped > inOrder/5 {
		t.Errorf("half of the recent records took up to %v, want a fifth of %v at most", skipped, inOrder)
	}
}

// medianOfRecent is the median latency of the records that come two seconds after a burst or
// later.
func medianOfRecent(t *testing.T, consumer, knobs string) time.Duration {
	t.Helper()
	s := trial.NewScenario("backlog", "a burst is five times what all pods can do, then the load is as before", func(s *harness.Scenario) {
		s.Load = harness.Load{Pacer: load.Step{Base: 400, Burst: 4000, After: 2 * time.Second, Length: 2 * time.Second, For: 12 * time.Second}, Keys: load.Uniform{N: 1000}}
		s.Service, s.Drain = load.Fixed(20*time.Millisecond), 60*time.Second
	})
	var mu sync.Mutex
	var first time.Time
	var latencies []time.Duration
	name := registerWatched(t, consumer, func(_ harness.Config, r *harness.Record) {
		mu.Lock()
		defer mu.Unlock()
		if first.IsZero() || r.Timestamp.Before(first) {
			first = r.Timestamp
		}
		if r.Timestamp.Sub(first) > 6*time.Second {
			latencies = append(latencies, time.Since(r.Timestamp))
		}
	})
	r := trial.RunVirtual(t, s, name+knobs, 1)
	if r.Status != harness.Pass {
		t.Fatalf("%s: %s: %v\n%s", consumer, r.Status, r.Reasons, trial.DescribeFailures(r))
	}
	slices.Sort(latencies)
	return latencies[len(latencies)/2]
}
