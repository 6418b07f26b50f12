package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
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
func TestRunIsHeldToItsObjectives(t *testing.T) {
	const limit = 64 << 20
	for name, c := range map[string]struct {
		objectives string
		peaks      []int64
		broken     bool
		idle       bool // AllowIdleWorkers
		overload   int64
		status     harness.Status
		reason     string
	}{
		"no objective":              {peaks: []int64{limit + 1}, status: harness.Pass},
		"all within it":             {objectives: "rss-max<=64MiB", peaks: []int64{limit, 1}, status: harness.Pass},
		"one above it":              {objectives: "rss-max<=64MiB", peaks: []int64{1, 3 * limit / 2}, status: harness.Fail, reason: "objective rss-max<=64MiB: 96 MiB on pod-2"},
		"not measured":              {objectives: "rss-max<=64MiB", peaks: []int64{0, 0}, status: harness.Pass},
		"in a run that broke":       {objectives: "rss-max<=64MiB", peaks: []int64{2 * limit}, broken: true, status: harness.Inconclusive, reason: "load delivered: late"},
		"two missed":                {objectives: "rss-max<=64MiB, of-bound>=90%", peaks: []int64{2 * limit}, status: harness.Fail, reason: "objective rss-max<=64MiB: 128 MiB on pod-1; objective of-bound>=90%: 50 %"},
		"workers that may be idle":  {objectives: "of-bound>=90%", idle: true, status: harness.Pass},
		"no recovery without fault": {objectives: "recovery<30s", status: harness.Pass},
		"a value is missing":        {objectives: "p99<1s", status: harness.Inconclusive, reason: "objective p99<1s: missing: the run has no such latency"},
		"undecided":                 {objectives: "trend<1%", status: harness.Inconclusive, reason: "objective trend<1%: undecided: 0 %: a load of 2s after the warm-up is too short for a trend: at least 12s"},
		"undecided and overload":    {objectives: "trend<1%", overload: 1, status: harness.Overload, reason: "late"},
		"missed and overload":       {objectives: "of-bound>=90%", overload: 1, status: harness.Fail, reason: "objective of-bound>=90%: 50 %"},
		"judged by its check":       {objectives: "others-p99<=1s", status: harness.Pass},
	} {
		p := &Plan{
			Scenario: harness.Scenario{Objectives: c.objectives, Commit: time.Second},
			Consumer: harness.Selection{Implementation: &harness.Implementation{AllowIdleWorkers: c.idle}},
		}
		out := &harness.Run{
			Bound: 100, Completed: 50, LoadEnd: 2 * time.Second, Load: harness.LoadReport{Offered: 100},
			Series:      harness.Series{Step: time.Second, Offered: []float64{100, 100}, Backlog: []int64{1, 1}},
			Assumptions: []harness.Assumption{{Name: oracle.LoadDelivered, Held: !c.broken, Detail: "late"}},
			Verdicts:    []harness.Verdict{{Check: oracle.CheckOverload, Count: c.overload, Detail: "late"}},
		}
		for n, peak := range c.peaks {
			out.Pods = append(out.Pods, harness.PodReport{Name: fmt.Sprintf("pod-%d", n+1), MaxRSS: peak})
		}
		if err := p.judgeObjectives(out, new(measure.Latencies)); err != nil {
			t.Fatal(err)
		}
		p.decideStatus(out)
		if out.Status != c.status || strings.Join(out.Reasons, "; ") != c.reason {
			t.Errorf("%s: %s, %q", name, out.Status, out.Reasons)
		}
	}
}

// The oracle gets the limits of the objectives that its checks judge.
func TestChecksHaveTheirLimitsFromTheObjectives(t *testing.T) {
	p := &Plan{Scenario: harness.Scenario{Objectives: "p99<1s, others-p99<=500ms, starvation<2s"}, Consumer: harness.Selection{Implementation: &harness.Implementation{}}}
	if got, want := p.limits(), (oracle.Limits{OthersP99: 500 * time.Millisecond, StarvedAfter: 2 * time.Second}); got != want {
		t.Errorf("limits are %+v, want %+v", got, want)
	}
}
