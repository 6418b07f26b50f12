package mutants_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// With a limit that every pod is past at all times, ranges are recorded and worked off
// through kills, pauses, joins and leaves.
func TestSkipCompensateLosesNothingInChaos(t *testing.T) {
	for _, p := range harness.Protocols {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(8) {
				s := chaos(seed + 1)
				s.Load.Pacer = load.Constant{Rate: 200, For: 15e9}
				if r := play(t, "virtual", s, "skip-compensate@"+string(p)+"?lag=5&workers=1&window=20", seed+1); r.Status != harness.Pass {
					t.Errorf("seed %d: %s: %v\n%s", seed+1, r.Status, r.Reasons, firsts(r))
				}
			}
		})
	}
}

// Half of what comes behind a burst is done soon all the same, since what was skipped gets
// only the workers that recent records leave idle; in the order of the log it waits. The
// limit is small here: what is not skipped when the burst ends, up to the limit in each
// partition, is ahead of all that is recent.
func TestSkipCompensateSparesRecentRecords(t *testing.T) {
	recent := func(consumer, knobs string) time.Duration {
		s := scene("backlog", "a burst is five times what all can do, and then the load is what it was", func(s *harness.Scenario) {
			s.Load = harness.Load{Pacer: load.Step{Base: 400, Burst: 4000, After: 2 * time.Second, Length: 2 * time.Second, For: 12 * time.Second}, Keys: load.Uniform{N: 1000}}
			s.Service, s.Drain = load.Fixed(20*time.Millisecond), 60*time.Second
		})
		var mu sync.Mutex
		var first time.Time
		var took []time.Duration
		name := watched(t, consumer, func(_ harness.Config, r *harness.Record) {
			mu.Lock()
			defer mu.Unlock()
			if first.IsZero() || r.Timestamp.Before(first) {
				first = r.Timestamp
			}
			if r.Timestamp.Sub(first) > 6*time.Second {
				took = append(took, time.Since(r.Timestamp))
			}
		})
		r := play(t, "virtual", s, name+knobs, 1)
		if r.Status != harness.Pass {
			t.Fatalf("%s: %s: %v\n%s", consumer, r.Status, r.Reasons, firsts(r))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	skipped, waited := recent("skip-compensate", "?lag=100"), recent("unordered", "")
	t.Logf("half of the recent records are done within %v, and within %v behind all others", skipped, waited)
	if skipped > waited/5 {
		t.Errorf("half of the recent records took up to %v, want a fifth of %v at most", skipped, waited)
	}
}
