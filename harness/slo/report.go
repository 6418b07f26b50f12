package slo

import (
	"math"

	"github.com/stampede-bench/stampede/harness"
)

// Report is results as a run has them in its result.
func Report(results []Result) []harness.ObjectiveResult {
	var all []harness.ObjectiveResult
	for i := range results {
		r := &results[i]
		all = append(all, harness.ObjectiveResult{
			Objective: r.Objective.String(), Verdict: r.Verdict, Measured: r.Measured(), Why: r.Why,
			Value: finite(r.Value), Lower: finite(r.Lower), Upper: finite(r.Upper),
			Check: r.Objective.Metric.Check, Inapplicable: r.Inapplicable,
		})
	}
	return all
}

// finite is a number that JSON has, nil for another.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
