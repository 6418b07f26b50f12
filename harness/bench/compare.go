package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/plain"
)

// Smoke is the comparison that runs without any flag, so that go test ./... stays
// short. The zero value is three seconds of the scenario steady with its default
// consumers.
type Smoke struct {
	Scenario, Consumer string        // as on the command line
	Duration           time.Duration // of the load
}

// comparison is the state of a running comparison.
type comparison struct {
	options options
	matrix  *matrix
	result  *harness.Comparison
	merged  []*measure.Latencies // by run
	show    *display
	saved   lastSave

	afterRun []func(*harness.Run)
}

// Compare runs the scenarios and consumers that the flags name, and reports the
// results. Each run is a subtest scenario/consumer/repeat. A run with an unexpected
// status fails its subtest. Each afterRun is called after each run.
func Compare(t *testing.T, smoke Smoke, afterRun ...func(*harness.Run)) {
	o := opts
	if o.isSmoke() {
		if testing.Short() {
			t.Skip("the smoke comparison takes some 20 s: skipped by -short")
		}
		o.scenario, o.over.Duration = "steady", 3*time.Second
		if smoke.Scenario != "" {
			o.scenario = smoke.Scenario
		}
		if smoke.Consumer != "" {
			o.consumer = smoke.Consumer
		}
		if smoke.Duration > 0 {
			o.over.Duration = smoke.Duration
		}
	}
	c, err := prepareComparison(process.ctx, o)
	if err != nil {
		raiseExit(exitNoRun)
		t.Fatalf("nothing was run: %v", plain.Error(err))
	}
	if !harness.IsVirtual(c.matrix.backend) { // runs in virtual time do not starve each other
		if err := lock.Wait(t); err != nil {
			raiseExit(exitNoRun)
			t.Fatalf("nothing was run: %v", err)
		}
	}
	closeAtExit(c.matrix.backend)
	c.afterRun = afterRun
	c.runMatrix(t)
	switch {
	case len(c.result.Runs) > 0 || t.Failed():
	case process.ctx.Err() != nil:
		raiseExit(exitNoRun)
		t.Fatal("nothing was run: interrupted before the first run")
	default:
		raiseExit(exitNoRun)
		t.Fatalf("nothing was run: -run matches no run of %d; their names are SCENARIO/CONSUMER@PROTOCOL/REPEAT", c.matrix.countRuns())
	}
	if err := c.writeReport(); err != nil {
		raiseExit(exitFailed)
		complain(err) // the log of t goes to standard output, which may be what failed
		t.Error(plain.Error(err))
	}
	if c.result.Interrupted {
		raiseExit(exitFailed)
		t.Errorf("interrupted after %d of %d runs", len(c.result.Runs), c.result.Planned)
	}
}

// prepareComparison checks all input before the first run starts.
func prepareComparison(ctx context.Context, o options) (*comparison, error) {
	m, err := o.resolveMatrix()
	if err != nil {
		return nil, err
	}
	if err := o.checkBaseline(m); err != nil {
		return nil, err
	}
	if err := o.checkLimits(m, machineMemory()); err != nil {
		return nil, err
	}
	if o.out != "" {
		if err := openOut(o.out); err != nil {
			return nil, err
		}
	}
	if p, ok := m.backend.(harness.Preflighter); ok {
		if err := p.Preflight(ctx); err != nil {
			return nil, err
		}
	}
	for _, left := range engine.Sweep() {
		fmt.Fprintf(os.Stderr, "stampede: %s is left of a run that was killed, and cannot be ended\n", left)
	}
	c := &comparison{options: o, matrix: m}
	c.result = describeComparison(&o, m)
	c.show = newDisplay(os.Stderr, m)
	return c, nil
}

func (c *comparison) runMatrix(t *testing.T) {
	c.show.printPlan()
	defer c.show.closeBars()
	for _, s := range c.matrix.scenarios {
		t.Run(s.Name, func(t *testing.T) {
			c.runBaseline(t, s, "before")
			for repeat := 1; repeat <= c.matrix.repeats; repeat++ { // consumers interleave: a drift of the machine affects all
				for _, selection := range c.matrix.consumersBy[s.Name] {
					t.Run(fmt.Sprintf("%s/%d", subtestName(selection), repeat), func(t *testing.T) { c.runOne(t, s, selection, repeat) })
				}
			}
			c.runBaseline(t, s, "after")
		})
	}
}

// runOne runs one subtest and adds the run to the result.
func (c *comparison) runOne(t *testing.T, s harness.Scenario, selection harness.Selection, repeat int) {
	if process.ctx.Err() != nil {
		c.result.Interrupted = true
		t.Skip("interrupted")
	}
	plan := engine.Plan{
		Scenario: s, Consumer: selection, Backend: c.matrix.backend, Repeat: repeat, Seed: c.options.seed,
		KeepIn: ledgerFolder(c.options.out, &s, selection, repeat), KeepAll: c.options.keep, Command: runCommand(&c.options, &s, selection, repeat),
	}
	outcome, err := c.runWithRetry(t, plan)
	switch {
	case err != nil && process.ctx.Err() != nil:
		c.result.Interrupted = true
		t.Skip("interrupted")
	case err != nil:
		raiseExit(exitNoRun)
		c.addRun(failedRun(&plan, err), &measure.Latencies{})
		t.Fatal(plain.Error(err))
	}
	c.result.Interrupted = c.result.Interrupted || process.ctx.Err() != nil
	c.addRun(outcome.Run, outcome.Latencies)
	c.reportToTest(t, &outcome.Run)
	if why := plain.Line(outcome.Run.LedgerError); why != "" {
		raiseExit(exitFailed)
		t.Errorf("the ledger was not saved: %s", why)
	}
}

// addRun adds a run to the result, and saves it.
func (c *comparison) addRun(r harness.Run, latencies *measure.Latencies) {
	c.result.Runs = append(c.result.Runs, r)
	c.merged = append(c.merged, latencies)
	c.saveSoFar()
	for _, call := range c.afterRun {
		call(&c.result.Runs[len(c.result.Runs)-1])
	}
}

// failedRun is a run that an error prevented. The report has it with its error.
func failedRun(p *engine.Plan, err error) harness.Run {
	return harness.Run{
		Scenario: p.Scenario.Name, Consumer: p.Consumer.Name(), Repeat: p.Repeat, Seed: p.Seed, Command: p.Command,
		Started: time.Now(), Status: harness.NotMade, Reasons: []string{shortenError(err)},
	}
}

// shortenError is the first line of an error, which may have the traces of goroutines.
func shortenError(err error) string {
	const most = 500
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "..."
	}
	return line
}

// runWithRetry makes a run and repeats it once if it was inconclusive.
func (c *comparison) runWithRetry(t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	plan.Progress = c.show.beginRun(plan, false)
	outcome, err := makeRun(process.ctx, t, plan)
	if err != nil || outcome.Run.Status != harness.Inconclusive || process.ctx.Err() != nil {
		c.show.endRun(outcome, "")
		return outcome, err
	}
	why := strings.Join(outcome.Run.Reasons, "; ")
	c.show.endRun(outcome, why)
	plan.Progress = c.show.beginRun(plan, true)
	if outcome, err = makeRun(process.ctx, t, plan); err == nil {
		outcome.Run.Retried = why
	}
	c.show.endRun(outcome, "")
	return outcome, err
}

// reportToTest fails the subtest unless the run came out as expected.
func (c *comparison) reportToTest(t *testing.T, r *harness.Run) {
	line := plain.Line(strings.Join(append([]string{string(r.Status)}, r.Reasons...), "; "))
	if r.Expected {
		t.Log(line)
		return
	}
	raiseExit(exitFailed)
	t.Error(line)
	for _, v := range r.Verdicts {
		for i, a := range v.Examples {
			if v.Status == harness.Fail && i == 0 {
				t.Error(plain.Text(fmt.Sprintf("%s: %s: %s", v.Check, strings.Join(append(a.DescribeRecord(), a.Pods...), ", "), a.Text)))
			}
		}
	}
}
