package engine

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

func TestExpectationOfAnUnknownCheckIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		must, may string
		want      string // "" for no error
	}{
		"known":        {oracle.CheckLoss, oracle.CheckPodLiveness, ""},
		"unknown must": {"premature comit", oracle.CheckLoss, `consumer x must fail a check in scenario s: unknown check "premature comit", did you mean "premature commit"?`},
		"unknown may":  {oracle.CheckLoss, "pod livenes", `consumer x may fail a check: unknown check "pod livenes", did you mean "pod liveness"?`},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkExpectations(&harness.Implementation{
				Name: "x", Mutant: true,
				MustFail: []harness.Expectation{{Scenario: "s", Check: c.must}},
				MayFail:  []harness.Allowance{{Check: c.may}},
			})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func TestMisspelledScenarioOfAControlIsAnError(t *testing.T) {
	harness.RegisterScenario(harness.Scenario{
		Name: "spelled-well", Load: harness.Load{Pacer: load.Constant{Rate: 1, For: 1}, Keys: load.Uniform{N: 1}}, Service: load.Fixed(1), Partitions: 1, Pods: 1,
	})
	expect := func(scenario string) error {
		return checkExpectations(&harness.Implementation{Name: "x", MustFail: []harness.Expectation{{Scenario: scenario, Check: oracle.CheckLoss}}})
	}
	if err := expect("speled-well"); err == nil || !strings.Contains(err.Error(), `unknown scenario "speled-well", did you mean "spelled-well"`) {
		t.Errorf("misspelled: error %v", err)
	}
	if err := expect("not-linked-here"); err != nil {
		t.Errorf("of a package that is not linked: error %v", err)
	}
}

func TestDeclarationsAreCheckedBeforeABrokerStarts(t *testing.T) {
	i := &harness.Implementation{Name: "x", Parallelism: func(harness.Config) int { return 0 }}
	_, err := Run(t.Context(), Plan{
		Scenario: harness.Scenario{Name: "s"}, Consumer: harness.Selection{Implementation: i, Protocol: harness.Cooperative},
	})
	if err == nil || !strings.Contains(err.Error(), "consumer x@cooperative in scenario s: Parallelism: want at least 1, got 0") {
		t.Errorf("error %v", err)
	}
}
