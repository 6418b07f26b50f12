package harness_test

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// The metrics of a run count if only its objectives keep it from passing.
func TestRunThatMissesAnObjectiveKeptItsClaims(t *testing.T) {
	missed := []harness.ObjectiveResult{{Verdict: harness.ObjectiveMissed}}
	for name, c := range map[string]struct {
		run  harness.Run
		want bool
	}{
		"a pass":                   {harness.Run{Status: harness.Pass}, true},
		"a missed objective":       {harness.Run{Status: harness.Fail, Objectives: missed}, true},
		"an undecided one":         {harness.Run{Status: harness.Inconclusive, Objectives: []harness.ObjectiveResult{{Verdict: harness.ObjectiveUndecided}}}, true},
		"a broken claim as well":   {harness.Run{Status: harness.Fail, Objectives: missed, Verdicts: []harness.Verdict{{Status: harness.Fail}}}, false},
		"a broken assumption":      {harness.Run{Status: harness.Inconclusive, Objectives: missed, Assumptions: []harness.Assumption{{}}}, false},
		"overload":                 {harness.Run{Status: harness.Overload, Objectives: missed}, false},
		"a control that passed":    {harness.Run{Status: harness.Fail, Objectives: []harness.ObjectiveResult{{Verdict: harness.ObjectiveMet}}}, false},
		"a limit that a check has": {harness.Run{Status: harness.Fail, Objectives: []harness.ObjectiveResult{{Verdict: harness.ObjectiveMissed, Check: "x"}}}, false},
	} {
		if got := c.run.KeptClaims(); got != c.want {
			t.Errorf("%s: kept its claims is %v", name, got)
		}
	}
}
