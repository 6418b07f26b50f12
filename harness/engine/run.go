package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/measure"
)

// run is what all phases of a run share.
type run struct {
	Plan
	id        uint64
	started   time.Time
	clock     ledger.Clock
	incidents *incidents
	reporter  *reporter
	stopwatch *stopwatch
	closers   *closers
	nodes     *nodeGuard
}

// Run makes a run. If ctx ends after the start of the load, the run ends early,
// cleanly, and its report has what was measured so far. Before the load there is
// nothing to report, and Run returns the error of ctx.
func Run(ctx context.Context, p Plan) (*Outcome, error) {
	if why := p.Consumer.Implementation.RealTime; why != "" && harness.IsVirtual(p.Backend) {
		return skippedOutcome(&p, "it cannot run in virtual time: "+why), nil
	}
	if i := p.Consumer.Implementation; i.Order == harness.OrderKey && !p.Scenario.Load.HasKeys() {
		return skippedOutcome(&p, "it claims order by key, and the records of this load have no keys"), nil
	}
	if err := errors.Join(CheckDeclarations(&p.Scenario, p.Consumer), p.FinalRead.useEnvironment()); err != nil {
		return nil, err
	}
	r := newRun(p)
	outcome, err := r.execute(ctx)
	if spin := (Spin{}); errors.As(context.Cause(ctx), &spin) && spin.OfPod() {
		return r.spinningOutcome(spin), nil
	}
	if lost := (lostNode{}); errors.As(err, &lost) {
		return r.abandonedOutcome(lost), nil
	}
	if unsupported := (unsupportedFault{}); errors.As(err, &unsupported) {
		return skippedOutcome(&p, unsupported.Error()), nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", p.label(), err)
	}
	return outcome, nil
}

func newRun(p Plan) *run {
	r := &run{Plan: p, started: time.Now(), clock: newClock(p.Backend), incidents: &incidents{}, closers: &closers{}, nodes: newNodeGuard()}
	r.id = newRunID(&p, r.started)
	r.reporter = &reporter{callback: p.Progress, started: r.started}
	r.stopwatch = &stopwatch{clock: r.clock}
	return r
}

// newRunID distinguishes the records of one run from those of all other runs.
func newRunID(p *Plan, started time.Time) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %d", p.label(), started.UnixNano(), os.Getpid())
	return h.Sum64()
}

// course is what the phases of a run hand on.
type course struct {
	group formedGroup
	load  *sentLoad
	drain drainedBacklog
	stop  stoppedRun
}

// execute is the life of a run. It ends early if the cluster loses a node.
func (r *run) execute(ctx context.Context) (outcome *Outcome, err error) {
	defer func() { err = errors.Join(err, r.closers.closeAll()) }()
	ctx, release := r.nodes.guardContext(ctx)
	defer release()
	outcome, err = r.makePhases(ctx)
	if err != nil {
		if lost := r.nodes.checkNow(); lost != nil {
			return nil, lost // the cause of err
		}
	}
	return outcome, err
}

// makePhases makes one phase after the other. Each gets what the earlier ones have found.
func (r *run) makePhases(ctx context.Context) (outcome *Outcome, err error) {
	r.reporter.report("starting")
	r.stopwatch.restart(r.clock.Now())
	s, err := prepareRun(ctx, r)
	if err != nil {
		return nil, err
	}
	r.stopwatch.endPart("prepare")
	var c course
	r.reporter.report("forming")
	if c.group, err = formGroup(ctx, s); err != nil {
		return nil, err
	}
	r.stopwatch.endPart("form")
	if c.group.formed {
		if c.load, err = sendLoad(ctx, s); err != nil {
			return nil, err
		}
		if c.drain, err = drainBacklog(ctx, s, c.load); err != nil {
			return nil, err
		}
	} else {
		c.load = skipLoad(s)
	}
	if err := r.nodes.checkNow(); err != nil {
		return nil, err
	}
	r.reporter.report("stopping")
	if c.stop, err = stopRun(ctx, s, &c); err != nil {
		return nil, err
	}
	r.reporter.report("judging")
	saved, err := sealEvidence(s, &c)
	if err != nil {
		return nil, err
	}
	return concludeRun(s, &c, saved)
}

// skippedOutcome is the outcome of a run that was not made.
func skippedOutcome(p *Plan, why string) *Outcome {
	return &Outcome{
		Run: harness.Run{
			Scenario: p.Scenario.Name, Consumer: p.Consumer.Name(), Repeat: p.Repeat, Seed: p.Seed,
			Started: time.Now(), Status: harness.Skipped, Reasons: []string{why}, Expected: true,
		},
		Latencies: &measure.Latencies{},
	}
}
