package reports

import (
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// confidence is what runs without a violation prove about the next run.
type confidence struct {
	Consumer, Scenarios string
	Runs, Injections    int
	Records             int64
}

// confidences are those of the cells whose runs with a verdict all passed. Each
// scenario with faults has its own, or one with others that prove the same. Then there
// is one of all these, and one of all scenarios without faults. Controls prove nothing.
func (v *view) confidences() []confidence {
	var all []confidence
	for _, i := range v.Consumers {
		if isControl(&i) {
			continue
		}
		var undisturbed, disturbed confidence
		first := len(all)
		for _, s := range v.Scenarios {
			a, ok := v.confidenceOf(s.Name, i.Name)
			switch {
			case !ok:
			case a.Injections == 0:
				undisturbed.poolTrials(a)
			default:
				disturbed.poolTrials(a)
				all = append(all, a)
			}
		}
		if all = append(all[:first], foldConfidences(all[first:])...); strings.Contains(disturbed.Scenarios, ",") {
			all = append(all, disturbed)
		}
		if undisturbed.Runs > 0 {
			all = append(all, undisturbed)
		}
	}
	return all
}

// foldConfidences makes one of scenarios in which equally many injections prove the same. It
// has the fewest records of them.
func foldConfidences(list []confidence) (folded []confidence) {
	for _, a := range list {
		i := slices.IndexFunc(folded, func(b confidence) bool { return b.Runs == a.Runs && b.Injections == a.Injections })
		if i < 0 {
			folded = append(folded, a)
			continue
		}
		f := &folded[i]
		f.Scenarios, f.Records = strings.TrimSuffix(f.Scenarios, eachScenario)+", "+a.Scenarios+eachScenario, min(f.Records, a.Records)
	}
	return folded
}

// eachScenario follows the names of scenarios that were folded.
const eachScenario = " (each)"

// poolTrials adds the trials of another scenario.
func (a *confidence) poolTrials(b confidence) {
	if a.Runs > 0 {
		b.Scenarios = a.Scenarios + ", " + b.Scenarios
	}
	*a = confidence{b.Consumer, b.Scenarios, a.Runs + b.Runs, a.Injections + b.Injections, a.Records + b.Records}
}

func (v *view) confidenceOf(scenario, consumer string) (confidence, bool) {
	a := confidence{Scenarios: scenario, Consumer: consumer}
	c := v.cellOf(scenario, consumer)
	if c == nil {
		return a, false
	}
	runs := v.concludedRuns(c)
	if slices.ContainsFunc(runs, func(r *harness.Run) bool { return r.Status != harness.Pass }) {
		return a, false
	}
	a.countTrials(runs)
	return a, a.Records > 0
}

// trialsOf counts all runs of a cell, whatever their status: a check that found
// nothing in them proves this much.
func (v *view) trialsOf(c *harness.Cell) (a confidence) {
	a.countTrials(v.runsOf(c))
	return a
}

func (a *confidence) countTrials(runs []*harness.Run) {
	for _, r := range runs {
		a.Runs++
		a.Injections += len(r.Faults)
		a.Records += r.Counts.Appended
	}
}

// AtMost is the upper limit for violations in words, with 95 % confidence. It is
// per injection if faults were injected: violations come in clusters after a fault,
// so a limit per record would promise too much.
func (a confidence) AtMost() string {
	if a.Injections > 0 {
		return formatPercent(upperLimit(int64(a.Injections))) + " of injections"
	}
	return formatScientific(upperLimit(a.Records)) + " of records"
}

// RecordsText is Records in words.
func (a confidence) RecordsText() string { return formatCount(float64(a.Records)) }
