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
			err := CheckExpectations(&harness.Implementation{
				Name:     "x",
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
