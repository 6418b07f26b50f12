package sizing

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/slo"
)

// judgeObjectives is what a run says of the objectives, and which it missed. Records that were
// not finished before the deadline miss any.
func (q *Question) judgeObjectives(out *engine.Outcome) (capacity.Verdict, []string) {
	r := &out.Run
	if n := r.Counts.Unfinished; n > 0 {
		return capacity.Broken, []string{fmt.Sprintf("%d records were not finished at the deadline", n)}
	}
	verdict := capacity.Held
	var missed []string
	for _, one := range q.Objectives.Judge(slo.Sample{Run: r, Commit: q.Scenario.Commit, Latency: latencyOf(out)}) {
		switch {
		case one.Verdict == slo.Met || one.Inapplicable:
			continue
		case one.Verdict == slo.Missed:
			verdict = capacity.Broken
		case verdict == capacity.Held:
			verdict = capacity.Undecided
		}
		missed = append(missed, fmt.Sprintf("%s: %s", one.Objective, one.Why))
	}
	return verdict, missed
}

// latencyOf reads any percentile from the histograms of a run.
func latencyOf(out *engine.Outcome) func(string, float64) (time.Duration, int64) {
	if out.Latencies == nil {
		return nil
	}
	return out.Latencies.EndToEnd
}
