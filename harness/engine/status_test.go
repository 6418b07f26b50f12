package engine

import (
	"fmt"
	"strings"
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

// A run fails whose largest pod had more memory than the scenario allows. A pod in virtual time
// has none of its own, and is not judged.
func TestMemoryIsHeldToItsThreshold(t *testing.T) {
	const limit = 64 << 20
	for name, c := range map[string]struct {
		limit  int64
		peaks  []int64
		broken bool
		status harness.Status
		reason string
	}{
		"no limit":            {peaks: []int64{limit + 1}, status: harness.Pass},
		"all within it":       {limit: limit, peaks: []int64{limit, 1}, status: harness.Pass},
		"one above it":        {limit: limit, peaks: []int64{1, 3 * limit / 2}, status: harness.Fail, reason: "threshold: pod-2 had up to 96.0 MiB of resident memory, more than 64.0 MiB"},
		"not measured":        {limit: limit, peaks: []int64{0, 0}, status: harness.Pass},
		"in a run that broke": {limit: limit, peaks: []int64{2 * limit}, broken: true, status: harness.Inconclusive, reason: "load delivered: late"},
	} {
		p := &Plan{
			Scenario: harness.Scenario{Thresholds: harness.Thresholds{Memory: c.limit}}, Consumer: harness.Selection{Implementation: &harness.Implementation{}},
		}
		out := &harness.Run{Assumptions: []harness.Assumption{{Name: oracle.LoadDelivered, Held: !c.broken, Detail: "late"}}}
		for n, peak := range c.peaks {
			out.Pods = append(out.Pods, harness.PodReport{Name: fmt.Sprintf("pod-%d", n+1), MaxRSS: peak})
		}
		p.decideStatus(out)
		if out.Status != c.status || strings.Join(out.Reasons, "; ") != c.reason {
			t.Errorf("%s: %s, %q", name, out.Status, out.Reasons)
		}
	}
}

// A run that misses two thresholds says both.
func TestEachMissedThresholdIsSaid(t *testing.T) {
	p := &Plan{
		Scenario: harness.Scenario{Thresholds: harness.Thresholds{Memory: 1, OfBound: 0.9}}, Consumer: harness.Selection{Implementation: &harness.Implementation{}},
	}
	unmet := p.unmetThreshold(&harness.Run{Bound: 100, Completed: 50, Pods: []harness.PodReport{{Name: "pod-1", MaxRSS: 2 << 20}}})
	if !strings.Contains(unmet, "completed 50/s") || !strings.Contains(unmet, "pod-1 had up to 2.0 MiB") {
		t.Errorf("said %q", unmet)
	}
}
