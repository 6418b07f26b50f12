package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/slo"
)

// objectives are those of the scenario that apply to the consumer. A design whose workers may
// be idle is not held to a share of its bound.
func (p *Plan) objectives() (slo.Objectives, error) {
	all, err := slo.Parse(p.Scenario.Objectives)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", p.Scenario.Name, err)
	}
	return slices.DeleteFunc(all, func(o slo.Objective) bool {
		return o.Metric.Name == "of-bound" && p.Consumer.Implementation.AllowIdleWorkers
	}), nil
}

// judgeObjectives judges a run by its objectives.
func (p *Plan) judgeObjectives(out *harness.Run, latencies *measure.Latencies) error {
	all, err := p.objectives()
	if err != nil {
		return err
	}
	sample := slo.Sample{Run: out, Commit: p.Scenario.Commit, Latency: latencies.EndToEnd}
	out.Objectives = slo.Report(all.Judge(sample))
	return nil
}

// limits are the objectives that checks judge.
func (p *Plan) limits() (limits oracle.Limits) {
	all, err := p.objectives()
	if err != nil {
		return limits // the run was refused for it
	}
	in := func(name string) time.Duration {
		limit, _ := all.Limit(name)
		return time.Duration(limit * float64(time.Second))
	}
	return oracle.Limits{StarvedAfter: in(oracle.CheckStarvation), OthersP99: in("others-p99")}
}

// objectiveReasons are the objectives that a run missed, and those that it leaves open, as
// reasons. Objectives that a check judges have its verdict.
func objectiveReasons(results []harness.ObjectiveResult) (missed, open []string) {
	for _, r := range results {
		if r.Check != "" {
			continue
		}
		switch r.Verdict {
		case harness.ObjectiveMissed:
			missed = append(missed, fmt.Sprintf("objective %s: %s", r.Objective, r.Why))
		case harness.ObjectiveUndecided:
			open = append(open, fmt.Sprintf("objective %s: undecided: %s", r.Objective, r.Why))
		case harness.ObjectiveMissing:
			if !r.Inapplicable {
				open = append(open, fmt.Sprintf("objective %s: missing: %s", r.Objective, r.Why))
			}
		case harness.ObjectiveMet:
		}
	}
	return missed, open
}
