package mutants_test

import (
	"slices"
	"testing"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/consumers/internal/trial"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/lock"
)

func TestMain(m *testing.M) { bench.Main(m) }

// Each mutant is caught in virtual time by every check that must catch it, and by no check
// that never may.
func TestMutantsAreCaughtInVirtualTime(t *testing.T) {
	for _, c := range allCases() {
		catchOn(t, "virtual", c)
	}
}

// caughtInRealTime are the mutants that are caught in real time too: all would take long.
// make soak-mutants has them all.
var caughtInRealTime = []string{
	"mutant-claims-partition-order", "mutant-drops-record", "mutant-completes-before-work", "mutant-works-on-phantom",
	"mutant-commits-skipped", "mutant-stalls", "mutant-works-twice",
	"mutant-gives-up-failed", // one of bugReports, in a built-in scenario
}

func TestSomeMutantsAreCaughtInRealTime(t *testing.T) {
	lock.Machine(t)
	for _, c := range allCases() {
		if slices.Contains(caughtInRealTime, c.name) {
			catchOn(t, "embedded", c)
		}
	}
	for _, i := range honestConsumers() {
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			if r := trial.RunOn(t, "embedded", scenarios["steady"], i.Name, 1); r.Status != harness.Pass {
				t.Errorf("%s: %v", r.Status, r.Reasons)
			}
		})
	}
}

// catchOn has a subtest for each scenario in which a case must be caught.
func catchOn(t *testing.T, backend string, c mutantCase) {
	for _, scenario := range c.scenarioNames() {
		t.Run(c.name+"/"+scenario, func(t *testing.T) {
			t.Parallel()
			s, _ := findScenario(scenario)
			r := trial.RunOn(t, backend, s, c.selectionIn(s), 1)
			if err := c.compareWithDeclared(r); err != nil {
				t.Errorf("%s %v\n%v", r.Status, r.Reasons, err)
			}
			t.Logf("found %v", trial.FindingsOf(r))
		})
	}
}

func TestHonestConsumersPassInVirtualTime(t *testing.T) {
	for _, i := range honestConsumers() {
		for name, scenario := range scenarios {
			if !fitsScenario(i, name) {
				continue
			}
			t.Run(i.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				r := trial.RunVirtual(t, scenario, i.Name, 1)
				if r.Status != harness.Pass {
					t.Errorf("%s: %v\n%s", r.Status, r.Reasons, trial.DescribeFailures(r))
				}
				t.Logf("found %v", trial.FindingsOf(r))
			})
		}
	}
}
