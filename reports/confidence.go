package reports

import (
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// confidence is what runs without a violation prove about the next one.
type confidence struct {
	Consumer, Scenarios string
	Runs, Injections    int
	Records             int64
}

// confidences are of the cells whose runs that gave a verdict all passed: apart
// for each scenario with faults, then these together, and together those without.
// Nothing is asked of controls, so they prove nothing.
func (v *view) confidences() []confidence {
	var all []confidence
	for _, i := range v.Consumers {
		if len(i.MustFail) > 0 {
			continue
		}
		var calm, struck confidence
		for _, s := range v.Scenarios {
			a, ok := v.confidenceOf(s.Name, i.Name)
			switch {
			case !ok:
			case a.Injections == 0:
				calm.poolTrials(a)
			default:
				struck.poolTrials(a)
				all = append(all, a)
			}
		}
		if strings.Contains(struck.Scenarios, ",") {
			all = append(all, struck)
		}
		if calm.Runs > 0 {
			all = append(all, calm)
		}
	}
	return all
}

// poolTrials pools the trials of another scenario.
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

// trialsOf are those of a cell, whatever came of them: what a check proves that found
// nothing in any.
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

// AtMost is the 95 % bound in words, per injection where faults were injected: violations cluster by
// fault, so that records would promise too much there.
func (a confidence) AtMost() string {
	if a.Injections > 0 {
		return formatPercent(upperLimit(int64(a.Injections))) + " of injections"
	}
	return formatScientific(upperLimit(a.Records)) + " of records"
}

// RecordsText is Records in words.
func (a confidence) RecordsText() string { return formatCount(float64(a.Records)) }
