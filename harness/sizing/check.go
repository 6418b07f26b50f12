package sizing

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
)

// checkBracket is the bracket factor of a check: it starts where it expects the answer.
const checkBracket = 1.1

// likeness is how far an answer may be from that of another back end without an explanation.
const likeness = 0.1

// Check searches on another back end for what was found on the question's own, and compares. The
// trials are in real time, so they take as long as they are.
func (q Question) Check(ctx context.Context, run Runner, a *capacity.Answer, on harness.Backend, progress func(capacity.Progress)) capacity.Check {
	c := capacity.Check{Backend: on.Name()}
	found, ok := a.Capacity()
	if !ok {
		c.Failed = "there is no answer to check"
		return c
	}
	q.Backend = on
	m := &trials{Question: &q, run: run}
	var err error
	c.Result, err = capacity.Search(ctx, capacity.Config{
		Axis: q.axis(tightestRate(a)), Start: found, Bracket: checkBracket, Goals: q.goals(), Progress: progress,
		Cost: func(length time.Duration) time.Duration { return q.Scenario.Warmup + length + settleCost },
	}, m.measure)
	if err != nil {
		c.Failed = err.Error()
		return c
	}
	g := c.Result.Limiting()
	if g == nil || g.Held == nil {
		c.Failed = "no load held in real time"
		return c
	}
	c.Error = g.Held.Load/found - 1
	if math.Abs(c.Error) > likeness {
		c.Remark = m.explainDifference(c.Result)
	}
	return c
}

// explainDifference says what real time has and virtual time has not.
func (m *trials) explainDifference(r *capacity.Result) string {
	if m.saturated != "" {
		return "the machine was the limit: " + m.saturated
	}
	for _, t := range r.Trials {
		if len(t.Detail) > 0 {
			return fmt.Sprintf("not explained; a trial at %.5g says: %s", t.Load, t.Detail[0])
		}
	}
	return "not explained"
}

func tightestRate(a *capacity.Answer) float64 {
	b, _ := capacity.Tightest(a.Bounds)
	return b.Rate
}
