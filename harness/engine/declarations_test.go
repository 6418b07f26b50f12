package engine

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
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

func TestControlOfAnUnknownScenarioIsAnError(t *testing.T) {
	err := checkExpectations(&harness.Implementation{Name: "x", MustFail: []harness.Expectation{{Scenario: "nowhere", Check: oracle.CheckLoss}}})
	if err == nil || !strings.Contains(err.Error(), `unknown scenario "nowhere"`) {
		t.Errorf("error %v", err)
	}
}

func TestDeclarationsAreCheckedBeforeABrokerStarts(t *testing.T) {
	i := &harness.Implementation{Name: "x", Parallelism: func(harness.Config) int { return 0 }}
	_, err := Run(t.Context(), Plan{
		Scenario: harness.Scenario{Name: "s"}, Consumer: harness.Selection{Implementation: i, Protocol: harness.Cooperative},
	})
	if err == nil || !strings.Contains(err.Error(), "consumer x@cooperative in scenario s: Parallelism 0: want at least 1") {
		t.Errorf("error %v", err)
	}
}
