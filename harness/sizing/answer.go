package sizing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
)

// startShare is the first load of a search, as a share of the tightest bound: 2 to 3 trials are
// then enough for a bracket (RFC 9971 leaves the start to the searcher).
const startShare = 0.9

// Answer searches for the answer to a question. It refuses a question without an answer, as one with a budget
// that is too small, before the first trial. An error comes with what was found until then.
func (q Question) Answer(ctx context.Context, run Runner, progress func(capacity.Progress)) (a capacity.Answer, err error) {
	began := time.Now()
	defer func() { a.Took = time.Since(began) }()
	a = capacity.Answer{
		Scenario: engine.InfoOn(q.Scenario, q.Backend), Consumer: engine.Describe(q.Scenario, q.Consumer),
		Setup: q.Setup, Seek: string(q.Seek), Objectives: q.Scenario.Objectives, Asked: q.Rate(),
	}
	if q.Seek != SeekRate {
		a.Rate = q.Rate()
	}
	if _, ok := q.Scenario.Load.Pacer.(harness.Scalable); !ok {
		return a, fmt.Errorf("scenario %s: its load, %s, has no rate to search", q.Scenario.Name, q.Scenario.Load.Pacer)
	}
	if err := q.boundAtFull(&a); err != nil {
		return a, err
	}
	start, err := q.startLoad(a.Bounds)
	if err != nil {
		return a, err
	}
	tightest, _ := capacity.Tightest(a.Bounds)
	m := &trials{Question: &q, run: run}
	a.Result, err = capacity.Search(ctx, capacity.Config{
		Axis: q.axis(tightest.Rate), Start: start, Goals: q.goals(), Budget: q.Budget, Parallel: q.Parallel, Progress: progress,
		Cost: q.costOf(tightest.Rate),
	}, m.measure)
	if err != nil {
		return a, err
	}
	return a, m.complete(ctx, &a)
}

// boundAt sets the bounds of a scenario.
func (q *Question) boundAt(a *capacity.Answer, s harness.Scenario) error {
	y, err := engine.PlanSystem(s, q.Consumer, q.Seed, 1)
	if err != nil {
		return fmt.Errorf("bounds of %s: %w", q.Consumer.Name(), err)
	}
	a.Bounds = capacity.Bounds(y)
	return nil
}

// boundAtFull sets the bounds of a full-length trial near the tightest of them: its records decide
// which key is the hottest.
func (q *Question) boundAtFull(a *capacity.Answer) error {
	if err := q.boundAt(a, q.Scenario); err != nil {
		return err
	}
	b, ok := capacity.Tightest(a.Bounds)
	if !ok || q.Seek != SeekRate {
		return nil
	}
	s, err := q.scenarioAt(b.Rate, q.Lengths.Full)
	if err != nil {
		return err
	}
	return q.boundAt(a, s)
}

// startLoad is the first load of the search: near the tightest bound.
func (q *Question) startLoad(bounds []capacity.Bound) (float64, error) {
	if q.Seek == SeekRate {
		if b, ok := capacity.Tightest(bounds); ok {
			return startShare * b.Rate, nil
		}
		return q.Rate(), nil
	}
	axis := q.axis(0)
	rate := q.Rate()
	for n := axis.Least; n <= axis.Most; n = max(n+1, float64(int(n*1.05))) {
		s, err := q.scenarioAt(n, q.Lengths.Full)
		if err != nil {
			continue // a scenario may ask for more
		}
		var at capacity.Answer
		if err := q.boundAt(&at, s); err != nil {
			return 0, err
		}
		if b, ok := capacity.Tightest(at.Bounds); !ok || startShare*b.Rate >= rate {
			return n, nil
		}
	}
	return axis.Most, nil
}

// complete adds what is measured at the answer.
func (m *trials) complete(ctx context.Context, a *capacity.Answer) error {
	at, ok := a.Capacity()
	if !ok {
		return nil
	}
	if m.Seek != SeekRate {
		s, err := m.scenarioAt(at, m.Lengths.Full)
		if err != nil {
			return err
		}
		return m.boundAt(a, s)
	}
	if err := errors.Join(m.saturate(ctx, a), m.measurePoints(ctx, a, at)); err != nil {
		return err
	}
	return compareWithBounds(a)
}

// trendAllowance is how far a load may lie above a bound and still hold: objectives let a backlog grow
// by 1 % of the rate.
const trendAllowance = 0.01

// compareWithBounds remarks a saturated rate far below the bounds. A rate above a bound is an error
// of ours: the bound, the load or the measurement is wrong. Trials of another length or repeat have other
// records, so each is held against its own bounds.
func compareWithBounds(a *capacity.Answer) error {
	for _, t := range a.Result.Trials {
		bounds, _ := t.Data.([]capacity.Bound)
		if !t.Full || t.Verdicts[GoalObjectives] != capacity.Held {
			continue
		}
		if _, err := capacity.CheckRate(bounds, t.Completed, capacity.DefaultTolerance+trendAllowance); err != nil {
			return fmt.Errorf("trial at %.5g %s: %w", t.Load, a.Result.Axis.Unit, err)
		}
	}
	if a.Saturation == nil || a.Saturation.Remark != "" {
		return nil
	}
	// A saturation leaves out the last records, so it may lie above a bound.
	if c, err := capacity.CheckRate(a.Bounds, a.Saturation.Rate, capacity.DefaultTolerance); err == nil && c.Far {
		a.Remarks = append(a.Remarks, "saturated at "+c.String())
	}
	return nil
}

// meanRate is the mean rate of a pacer in records/s.
func meanRate(p harness.Pacer) float64 {
	records, first, last := load.Extent(p)
	if records < 2 || last <= first {
		return 0
	}
	return float64(records-1) / (last - first).Seconds()
}
