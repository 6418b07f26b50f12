package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/harness/sizing"
)

// planning is the state of a plan.
type planning struct {
	*search
	usual float64
	mu    sync.Mutex // mu guards the designs of the report, which parallel tests find.
}

// Plan plans how many pods each design needs for a load, and reports one page to decide from. Without
// -peak it is skipped. Each design is a subtest.
func Plan(t *testing.T) {
	o := opts
	if o.capacity.peak == "" {
		t.Skip("make plan plans the pods for a load")
	}
	p, err := preparePlan(process.ctx, o)
	if err != nil {
		raiseExit(exitNoRun)
		t.Fatalf("nothing was planned: %v", plain.Error(err))
	}
	if !harness.IsVirtual(p.backend) {
		if err := lock.Wait(t); err != nil {
			raiseExit(exitNoRun)
			t.Fatalf("nothing was planned: %v", err)
		}
	}
	closeAtExit(p.backend)
	t.Run("design", func(t *testing.T) {
		for i, q := range p.questions {
			t.Run(subtestName(q.Consumer), func(t *testing.T) {
				if harness.IsVirtual(p.backend) {
					t.Parallel()
				}
				p.planDesign(t, i, q)
			})
		}
	})
	if err := p.publish(); err != nil {
		raiseExit(exitFailed)
		complain(err)
		t.Error(plain.Error(err))
	}
	if p.report.Interrupted {
		raiseExit(exitFailed)
		t.Error("interrupted")
	}
}

// preparePlan checks all input before the first trial.
func preparePlan(ctx context.Context, o options) (*planning, error) {
	if !(o.over.Rate > 0) {
		return nil, errors.New("a plan needs the rate of a usual hour: set -rate (RATE=1500)")
	}
	factor, err := parseFactor(o.capacity.peak)
	if err != nil {
		return nil, fmt.Errorf("-peak: %w", err)
	}
	usual := o.over.Rate
	o.over.Rate *= factor
	o.capacity.seek, o.capacity.sweep = sizing.SeekPods, ""
	s, err := prepareSearch(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(s.questions) == 0 {
		return nil, errors.New("no consumer to plan for")
	}
	q := &s.questions[0]
	s.report.Command = testCommand(o.broker, "^TestPlan$", withoutFlags(o.given, "-out"))
	s.report.Answers = nil
	s.report.Plan = &capacity.Plan{
		Rate: usual, Peak: o.over.Rate, Objectives: q.Scenario.Objectives, Scenario: engine.InfoOn(q.Scenario, s.backend),
		Designs: make([]capacity.DesignPlan, len(s.questions)),
	}
	return &planning{search: s, usual: usual}, nil
}

// maxPeak is the highest factor of a peak.
const maxPeak = 1000

// parseFactor reads "3x" or "3".
func parseFactor(s string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(f >= 1 && f <= maxPeak) {
		return 0, fmt.Errorf("%q: want a factor from 1 to %d, as 3x", s, maxPeak)
	}
	return f, nil
}

func (p *planning) planDesign(t *testing.T, i int, q sizing.Question) {
	if process.ctx.Err() != nil {
		t.Skip("interrupted")
	}
	run := func(ctx context.Context, k engine.Plan) (*engine.Outcome, error) { return makeRun(ctx, t, k) }
	d, err := q.Plan(process.ctx, p.usual, run, func(k capacity.Progress) { p.tell(i, k) })
	if err != nil {
		d.Failed = shortenError(err)
	}
	p.mu.Lock()
	p.report.Plan.Designs[i] = d
	p.mu.Unlock()
	switch {
	case err != nil && process.ctx.Err() != nil:
		t.Skip("interrupted")
	case err != nil:
		raiseExit(exitNoRun)
		t.Fatal(plain.Error(err))
	}
}
