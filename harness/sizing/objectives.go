package sizing

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
)

// judgeObjectives is what a run says of its objectives, and which it missed. Records that were
// not finished before the deadline miss any.
func judgeObjectives(r *harness.Run) (capacity.Verdict, []string) {
	if n := r.Counts.Unfinished; n > 0 {
		return capacity.Broken, []string{fmt.Sprintf("%d records were not finished at the deadline", n)}
	}
	verdict := capacity.Held
	var missed []string
	for _, o := range r.Objectives {
		switch {
		case o.Verdict == harness.ObjectiveMet || o.Inapplicable:
			continue
		case o.Verdict == harness.ObjectiveMissed:
			verdict = capacity.Broken
		case verdict == capacity.Held:
			verdict = capacity.Undecided
		}
		missed = append(missed, o.Objective+": "+o.Why)
	}
	return verdict, missed
}

// isObjective reports whether a check judges an objective of the run, and so no claim.
func isObjective(r *harness.Run, check string) bool {
	return slices.ContainsFunc(r.Objectives, func(o harness.ObjectiveResult) bool { return o.Check == check })
}
