package engine

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// A control fails if it does not fail where it must. An inconclusive run of a control stays
// inconclusive.
func TestControlFailsIfItPasses(t *testing.T) {
	control := []harness.Expectation{{Scenario: "here", Check: oracle.CheckLoss}}
	for name, c := range map[string]struct {
		scenario        string
		must            []harness.Expectation
		loss            harness.Status
		overload        int64
		broken          bool
		status          harness.Status
		expected, tells bool
	}{
		"all held":                        {scenario: "here", loss: harness.Pass, status: harness.Pass, expected: true},
		"a claim broken":                  {scenario: "here", loss: harness.Fail, status: harness.Fail},
		oracle.CheckOverload:              {scenario: "here", loss: harness.Pass, overload: 1, status: harness.Overload},
		"a broken assumption":             {scenario: "here", loss: harness.Inconclusive, broken: true, status: harness.Inconclusive},
		"a control that fails":            {scenario: "here", must: control, loss: harness.Fail, status: harness.Fail, expected: true},
		"a control that does not":         {scenario: "here", must: control, loss: harness.Pass, status: harness.Fail, tells: true},
		"a control elsewhere":             {scenario: "there", must: control, loss: harness.Pass, overload: 1, status: harness.Overload, expected: true},
		"a control that was not judged":   {scenario: "here", must: control, loss: harness.Inconclusive, broken: true, status: harness.Inconclusive},
		"a control elsewhere, not judged": {scenario: "there", must: control, loss: harness.Inconclusive, broken: true, status: harness.Inconclusive},
	} {
		p := &Plan{
			Scenario: harness.Scenario{Name: c.scenario}, Consumer: harness.Selection{Implementation: &harness.Implementation{MustFail: c.must}},
		}
		out := &harness.Run{
			Scenario: c.scenario, Verdicts: []harness.Verdict{{Check: oracle.CheckLoss, Status: c.loss}, {Check: oracle.CheckOverload, Count: c.overload}},
			Assumptions: []harness.Assumption{{Name: oracle.NoPodStarved, Held: !c.broken}},
		}
		p.decideStatus(out)
		tells := len(out.Reasons) > 0 && out.Reasons[0] == "control: "+oracle.CheckLoss+" had to fail in this scenario and did not"
		if out.Status != c.status || out.Expected != c.expected || tells != c.tells {
			t.Errorf("%s: %s, expected %v: %q; want %s, %v", name, out.Status, out.Expected, out.Reasons, c.status, c.expected)
		}
	}
}
