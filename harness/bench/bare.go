package bench

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bare"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/plain"
)

// bareName is the value of -baseline, and the name of its subtests.
const bareName = "bare"

// checkBaseline refuses a baseline for which no scenario fits.
func (o *options) checkBaseline(m *matrix) error {
	if o.baseline == "" {
		return nil
	}
	if o.baseline != bareName {
		return fmt.Errorf("-baseline=%s: want %s, which compares with clients without a harness", o.baseline, bareName)
	}
	for i := range m.scenarios {
		if bare.Fits(&m.scenarios[i]) {
			return nil
		}
	}
	return fmt.Errorf("-baseline=%s: want a scenario with a paced load in which nothing goes wrong, as steady", bareName)
}

// runBaseline runs bare clients before or after the designs of a scenario, if that is asked for.
// A drift of the machine shows as a difference of the two.
func (c *comparison) runBaseline(t *testing.T, s harness.Scenario, when string) {
	if c.options.baseline == "" || !bare.Fits(&s) {
		return
	}
	t.Run(bareName+"/"+when, func(t *testing.T) {
		if process.ctx.Err() != nil {
			c.result.Interrupted = true
			t.Skip("interrupted")
		}
		began := time.Now()
		found, err := runBare(process.ctx, t, s, c.matrix.backend, c.options.seed)
		if err != nil {
			raiseExit(exitNoRun)
			t.Fatalf("no baseline: %v", plain.Error(err))
		}
		found.When, found.Started = when, began
		found.Saturated = engine.Saturation(&s, c.matrix.backend, found.Host)
		c.result.Baselines = append(c.result.Baselines, *found)
		t.Logf("p50 %v, p99 %v, %.0f records/s", found.EndToEnd.P50, found.EndToEnd.P99, found.Completed)
	})
}

// runBare runs bare clients, in a bubble if the back end is virtual.
func runBare(ctx context.Context, t *testing.T, s harness.Scenario, b harness.Backend, seed uint64) (found *harness.Baseline, err error) {
	s.Producer.Linger = engine.Linger(&s, b)
	plan := bare.Plan{Scenario: s, Config: engine.ScenarioConfig(&s, seed), Backend: b}
	if !harness.IsVirtual(b) {
		return bare.Run(ctx, plan)
	}
	if p, ok := b.(harness.Preflighter); ok {
		if err := p.Preflight(ctx); err != nil {
			return nil, err
		}
	}
	synctest.Test(t, func(t *testing.T) { found, err = bare.Run(t.Context(), plan) })
	return found, err
}
