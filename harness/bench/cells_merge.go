package bench

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
)

// worstFirst orders statuses, the gravest first.
var worstFirst = []harness.Status{harness.Fail, harness.Inconclusive, harness.Overload, harness.Skipped, harness.Pass}

// mergeCells puts the runs of one consumer in one scenario together. Latencies are
// merged over those that passed: a run that failed has none to show.
func mergeCells(c *harness.Comparison, latencies []*measure.Latencies) (all []harness.Cell) {
	for _, s := range c.Scenarios {
		for _, k := range c.Consumers {
			cell := harness.Cell{Scenario: s.Name, Consumer: k.Name, Expected: true}
			merged := &measure.Latencies{}
			for i, r := range c.Runs {
				if r.Scenario != s.Name || r.Consumer != k.Name {
					continue
				}
				cell.Runs = append(cell.Runs, i)
				cell.Status = worseStatus(cell.Status, r.Status)
				cell.Expected = cell.Expected && r.Expected
				if r.Status == harness.Pass {
					merged.Merge(latencies[i])
				}
			}
			if len(cell.Runs) == 0 {
				continue
			}
			cell.Curves = merged.Curves()
			cell.Steady = merged.Set(measure.PhaseSteady)
			all = append(all, cell)
		}
	}
	return all
}

func worseStatus(a, b harness.Status) harness.Status {
	for _, s := range worstFirst {
		if a == s || b == s {
			return s
		}
	}
	return b
}
