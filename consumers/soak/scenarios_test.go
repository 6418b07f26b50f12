package soak_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	_ "github.com/stampede-bench/stampede/scenarios"
)

// Each design keeps its claims in each built-in scenario. make soak-scenarios runs it: a seed has one
// protocol, and the next seed the next. Thresholds of a scenario are for the consumers that it names,
// so they are left out here. At most one run in a hundred may be inconclusive.
func TestEachDesignKeepsItsClaimsInEachScenario(t *testing.T) {
	if os.Getenv("STAMPEDE_SEEDS") == "" {
		t.Skip("set STAMPEDE_SEEDS (make soak-scenarios does)")
	}
	seeds, protocols := soakExtent(t, 0)
	var counts scenarioCounts
	t.Run("runs", func(t *testing.T) {
		for _, s := range harness.Scenarios() {
			for _, i := range honestDesigns() {
				if !canEnd(i, s) {
					continue
				}
				for seed := range uint64(seeds) {
					name := i.Name
					if !i.Share {
						name += "@" + string(protocols[seed%uint64(len(protocols))])
					}
					t.Run(fmt.Sprintf("%s/%s/%d", s.Name, name, seed+1), func(t *testing.T) {
						t.Parallel()
						counts.add(runForClaims(t, *s, name, seed+1))
					})
				}
			}
		}
	})
	t.Logf("%d runs: %d as claimed (%d of them overloaded), %d failed, %d inconclusive",
		counts.runs, counts.runs-counts.failed-counts.inconclusive, counts.overloaded, counts.failed, counts.inconclusive)
	if counts.inconclusive*100 > counts.runs {
		t.Errorf("%d of %d runs are inconclusive: want at most 1 %%", counts.inconclusive, counts.runs)
	}
}

// canEnd reports whether a design can complete all records of a scenario. Without dead letters it
// tries a poison record until the run ends.
func canEnd(i *harness.Implementation, s *harness.Scenario) bool {
	return s.Failures.Poison == 0 ||
		slices.ContainsFunc(i.SideTopicsOf(harness.Config{}), func(t harness.SideTopic) bool { return t.Role == harness.RoleDeadLetter })
}

// runForClaims makes a run without the thresholds of its scenario.
func runForClaims(t *testing.T, s harness.Scenario, consumer string, seed uint64) *harness.Run {
	s.Thresholds, s.MayOverload = harness.Thresholds{}, true
	r, err := bench.RunVirtual(t, s, consumer, seed)
	if err != nil {
		t.Fatalf("%s in %s, seed %d: %v", consumer, s.Name, seed, err)
	}
	switch r.Status {
	case harness.Skipped:
		t.Skip(r.Reasons) // a fault that virtual time cannot make, or that means nothing to the consumer
	case harness.Pass, harness.Overload:
	case harness.Inconclusive:
		t.Logf("%s in %s, seed %d: inconclusive: %v", consumer, s.Name, seed, r.Reasons)
	default:
		t.Errorf("%s in %s, seed %d: %s: %v\n%s", consumer, s.Name, seed, r.Status, r.Reasons, trial.DescribeFailures(r))
	}
	return r
}

// scenarioCounts count runs. Safe for concurrent use.
type scenarioCounts struct {
	mu                                     sync.Mutex
	runs, failed, overloaded, inconclusive int
}

func (c *scenarioCounts) add(r *harness.Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	switch {
	case r.Status == harness.Overload:
		c.overloaded++
	case r.Status == harness.Inconclusive:
		c.inconclusive++
	case r.Status != harness.Pass:
		c.failed++
	}
}
