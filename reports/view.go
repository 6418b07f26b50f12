package reports

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
)

// view is a comparison with what all forms of report need from it.
type view struct {
	*harness.Comparison
	cells map[[2]string]*harness.Cell
	short map[string]string
}

func newView(c *harness.Comparison) *view {
	v := &view{Comparison: c, cells: map[[2]string]*harness.Cell{}, short: map[string]string{}}
	for i := range c.Cells {
		v.cells[[2]string{c.Cells[i].Scenario, c.Cells[i].Consumer}] = &c.Cells[i]
	}
	bases := map[string]int{}
	for _, i := range c.Consumers {
		bases[i.Base]++
	}
	for _, i := range c.Consumers {
		v.short[i.Name] = i.Name
		if bases[i.Base] == 1 && i.Base != "" {
			v.short[i.Name] = i.Base
		}
	}
	return v
}

// cellOf is nil if the pair was not run.
func (v *view) cellOf(scenario, consumer string) *harness.Cell {
	return v.cells[[2]string{scenario, consumer}]
}

// runsOf are the runs of a cell, in order.
func (v *view) runsOf(c *harness.Cell) []*harness.Run {
	var runs []*harness.Run
	for _, i := range c.Runs {
		runs = append(runs, &v.Runs[i])
	}
	return runs
}

// concludedRuns are the runs of a cell that gave a verdict. Only their results mean something.
func (v *view) concludedRuns(c *harness.Cell) []*harness.Run {
	return slices.DeleteFunc(v.runsOf(c), func(r *harness.Run) bool { return !isConcluded(r) })
}

// isConcluded reports whether a run has metrics that count: it has a verdict, or only its
// objectives stay open.
func isConcluded(r *harness.Run) bool { return hasVerdict(r.Status) || r.KeptClaims() }

func hasVerdict(s harness.Status) bool {
	return s == harness.Pass || s == harness.Fail || s == harness.Overload
}

// drawnRun is the run of a cell whose series are drawn: the first run that passed,
// else the first with a verdict, else nil. A mean over repeats would show a run
// that never happened.
func (v *view) drawnRun(c *harness.Cell) *harness.Run {
	runs := v.concludedRuns(c)
	for _, r := range runs {
		if r.KeptClaims() {
			return r
		}
	}
	if len(runs) > 0 {
		return runs[0]
	}
	return nil
}

// consumerInfo describes a consumer by its name.
func (v *view) consumerInfo(name string) *harness.ConsumerInfo {
	for i := range v.Consumers {
		if v.Consumers[i].Name == name {
			return &v.Consumers[i]
		}
	}
	return &harness.ConsumerInfo{Name: name}
}

// isControl reports whether a consumer has a known flaw and must fail in some scenario.
func isControl(i *harness.ConsumerInfo) bool { return len(i.MustFail) > 0 }

// expectedFailures are the checks that a control must fail in a scenario.
func (v *view) expectedFailures(scenario, consumer string) []string {
	var checks []string
	for _, e := range v.consumerInfo(consumer).MustFail {
		if e.Scenario == scenario {
			checks = append(checks, e.Check)
		}
	}
	return checks
}

// maxRepeats is the largest number of runs of a cell.
func (v *view) maxRepeats() int {
	n := 1
	for _, c := range v.Cells {
		n = max(n, len(c.Runs))
	}
	return n
}

// eachCell visits the cells in the order of the report: by scenario, then by consumer.
func (v *view) eachCell(visit func(s *harness.ScenarioInfo, c *harness.Cell)) {
	for i := range v.Scenarios {
		for _, consumer := range v.Consumers {
			if c := v.cellOf(v.Scenarios[i].Name, consumer.Name); c != nil {
				visit(&v.Scenarios[i], c)
			}
		}
	}
}
