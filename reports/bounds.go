package reports

import (
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// assurance is what runs without a violation prove about the next one.
type assurance struct {
	Consumer, Scenarios string
	Runs, Injections    int
	Records             int64
}

// assurances are of the cells whose runs that gave a verdict all passed: apart
// for each scenario with faults, then these together, and together those without.
// Nothing is asked of controls, so they prove nothing.
func (v *view) assurances() []assurance {
	var all []assurance
	for _, i := range v.Consumers {
		if len(i.MustFail) > 0 {
			continue
		}
		var calm, struck assurance
		for _, s := range v.Scenarios {
			a, ok := v.assurance(s.Name, i.Name)
			switch {
			case !ok:
			case a.Injections == 0:
				calm.add(a)
			default:
				struck.add(a)
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

// add pools the trials of another scenario.
func (a *assurance) add(b assurance) {
	if a.Runs > 0 {
		b.Scenarios = a.Scenarios + ", " + b.Scenarios
	}
	*a = assurance{b.Consumer, b.Scenarios, a.Runs + b.Runs, a.Injections + b.Injections, a.Records + b.Records}
}

func (v *view) assurance(scenario, consumer string) (assurance, bool) {
	a := assurance{Scenarios: scenario, Consumer: consumer}
	c := v.cell(scenario, consumer)
	if c == nil {
		return a, false
	}
	runs := v.concluded(c)
	if slices.ContainsFunc(runs, func(r *harness.Run) bool { return r.Status != harness.Pass }) {
		return a, false
	}
	a.count(runs)
	return a, a.Records > 0
}

// trials are those of a cell, whatever came of them: what a check proves that found
// nothing in any.
func (v *view) trials(c *harness.Cell) (a assurance) {
	a.count(v.runs(c))
	return a
}

func (a *assurance) count(runs []*harness.Run) {
	for _, r := range runs {
		a.Runs++
		a.Injections += len(r.Faults)
		a.Records += r.Counts.Appended
	}
}

// Bound is the 95 % bound in words, per injection where faults were injected: violations cluster by
// fault, so that records would promise too much there.
func (a assurance) Bound() string {
	if a.Injections > 0 {
		return percent(chance(int64(a.Injections))) + " of injections"
	}
	return scientific(chance(a.Records)) + " of records"
}

// Landed is Records in words.
func (a assurance) Landed() string { return count(float64(a.Records)) }
