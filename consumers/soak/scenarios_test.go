package soak_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/oracle"
	_ "github.com/stampede-bench/stampede/scenarios"
)

// Each design keeps its claims in each built-in scenario. make soak-scenarios runs it: a seed has one
// protocol, and the next seed the next. Objectives of a scenario are for the consumers that it names,
// so they are left out here. At most one run in a hundred may be inconclusive.
func TestEachDesignKeepsItsClaimsInEachScenario(t *testing.T) {
	if os.Getenv("STAMPEDE_SEEDS") == "" {
		t.Skip("set STAMPEDE_SEEDS (make soak-scenarios does)")
	}
	backend := cmp.Or(os.Getenv("STAMPEDE_BROKER"), "virtual")
	if backend != "virtual" {
		lock.Machine(t)
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
					name := withProtocol(i, protocols[seed%uint64(len(protocols))])
					t.Run(fmt.Sprintf("%s/%s/%d", s.Name, name, seed+1), func(t *testing.T) {
						t.Parallel()
						counts.runForClaims(t, backend, *s, name, seed+1)
					})
				}
			}
		}
	})
	counts.describe(t)
	if len(counts.inconclusive)*100 > counts.runs {
		t.Errorf("%d of %d runs are inconclusive: want at most 1 %%", len(counts.inconclusive), counts.runs)
	}
}

// Each design meets one scenario, and the next design one that is seven further on in the order of
// their names. A scenario or a design that is added may shift the pairs. make soak-scenarios has
// all pairs.
func TestSampleOfDesignsKeepsItsClaimsInScenarios(t *testing.T) {
	const stride = 7
	scenarios := harness.Scenarios()
	var counts scenarioCounts
	t.Run("runs", func(t *testing.T) {
		for n, i := range honestDesigns() {
			at := n * stride % len(scenarios)
			for !canEnd(i, scenarios[at]) {
				at = (at + 1) % len(scenarios)
			}
			s, name := scenarios[at], withProtocol(i, harness.Protocols[n%len(harness.Protocols)])
			t.Run(s.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				counts.runForClaims(t, "virtual", *s, name, 1)
			})
		}
	})
	counts.describe(t)
}

// withProtocol names a design under a protocol, which means nothing to a share group.
func withProtocol(i *harness.Implementation, p harness.Protocol) string {
	if i.Share {
		return i.Name
	}
	return i.Name + "@" + string(p)
}

// canEnd reports whether a design can complete all records of a scenario. Without dead letters it
// tries a poison record until the run ends.
func canEnd(i *harness.Implementation, s *harness.Scenario) bool {
	return s.Failures.Poison == 0 ||
		slices.ContainsFunc(i.SideTopicsOf(harness.Config{}), func(t harness.SideTopic) bool { return t.Role == harness.RoleDeadLetter })
}

// brokenByKafka says why Kafka itself has broken what a design claims, or is "". FINDINGS.md has
// the evidence.
func brokenByKafka(r *harness.Run) string {
	if r.Scenario != "topic-recreated" || !strings.HasPrefix(r.Consumer, "txn@") {
		return ""
	}
	for _, v := range r.Verdicts {
		if v.Status == harness.Fail && v.Check != oracle.CheckLoss && v.Check != oracle.CheckPrematureCommit {
			return ""
		}
	}
	return "Kafka keeps the commits of an open transaction by the topic's name, and applies them to the log that came after"
}

// scenarioCounts count runs. Safe for concurrent use.
type scenarioCounts struct {
	mu                       sync.Mutex
	runs, failed, overloaded int
	inconclusive             []string // inconclusive names the runs that are, and says why.
}

// runForClaims makes a run without the objectives of its scenario, and counts it.
func (c *scenarioCounts) runForClaims(t *testing.T, backend string, s harness.Scenario, consumer string, seed uint64) {
	t.Helper()
	s.Objectives, s.Conditions, s.MayOverload = "", harness.Conditions{}, true
	status, reasons := harness.Fail, []string(nil) // of a run that cannot be made
	defer func() {
		if !t.Skipped() {
			c.add(status, fmt.Sprintf("%s in %s, seed %d: %s", consumer, s.Name, seed, strings.Join(reasons, "; ")))
		}
	}()
	r := trial.RunOn(t, backend, s, consumer, seed)
	status, reasons = r.Status, r.Reasons
	switch status {
	case harness.Skipped:
		t.Skip(reasons) // a fault that the back end cannot make, or that means nothing to the consumer
	case harness.Pass, harness.Overload:
	case harness.Inconclusive:
		t.Logf("inconclusive: %v", reasons)
	case harness.Fail:
		if why := brokenByKafka(r); why != "" {
			status = harness.Pass
			t.Logf("%v: %s", reasons, why)
			return
		}
		t.Errorf("%s: %v\n%s", status, reasons, trial.DescribeFailures(r))
	default:
		t.Errorf("%s: %v\n%s", status, reasons, trial.DescribeFailures(r))
	}
}

func (c *scenarioCounts) add(is harness.Status, run string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	switch is {
	case harness.Pass:
	case harness.Overload:
		c.overloaded++
	case harness.Inconclusive:
		c.inconclusive = append(c.inconclusive, run)
	default:
		c.failed++
	}
}

// describe logs the counts, and names what is inconclusive.
func (c *scenarioCounts) describe(t *testing.T) {
	t.Logf("%d runs: %d as claimed (%d of them overloaded), %d failed, %d inconclusive",
		c.runs, c.runs-c.failed-len(c.inconclusive), c.overloaded, c.failed, len(c.inconclusive))
	for _, run := range c.inconclusive {
		t.Logf("inconclusive: %s", run)
	}
}
