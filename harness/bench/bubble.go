package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
)

const (
	// pulseInterval is how often, in virtual time, a bubble shows that its clock goes
	// and looks whether it shall end.
	pulseInterval = 250 * time.Millisecond
	// aftermath is the virtual time in which what a run has closed finds out.
	aftermath = 10 * time.Second
	// checkInterval is how often, in real time, it is looked whether the clock goes.
	checkInterval = time.Second
)

// Variables for tests.
var (
	// maxStandstill is the real time after which a clock that does not move counts as
	// one that never will.
	maxStandstill = time.Minute
	// maxGrowth is by how much the process may grow before that while somebody in
	// the bubble is at work.
	maxGrowth uint64 = 2 << 30
)

// RunVirtual makes one run of a scenario with a consumer, as named on the command
// line, on the virtual back end: in a bubble of virtual time. What is wrong with
// the run is in its status; an error says that there is no run. It leaves
// nothing behind and may be called as often as wanted, also by tests that are
// parallel. Where the build tag is missing the error is [virtual.ErrTag].
func RunVirtual(t *testing.T, s harness.Scenario, consumer string, seed uint64) (*harness.Run, error) {
	scenario, err := engine.Overrides{}.Apply(s)
	if err != nil {
		return nil, err
	}
	choices, err := harness.ParseSelection(consumer)
	if err != nil {
		return nil, err
	}
	if len(choices) != 1 {
		return nil, fmt.Errorf("%q names %d consumers, want one", consumer, len(choices))
	}
	o, err := runInBubble(context.Background(), t, engine.Plan{Scenario: scenario, Consumer: choices[0], Backend: virtual.Backend{}, Repeat: 1, Seed: seed})
	if err != nil {
		return nil, err
	}
	return &o.Run, nil
}

// makeRun makes a run, in a bubble where its back end wants one.
func makeRun(ctx context.Context, t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	if harness.IsVirtual(plan.Backend) {
		return runInBubble(ctx, t, plan)
	}
	return engine.Run(ctx, plan)
}

// bubble is a run in virtual time.
type bubble struct {
	plan  engine.Plan
	guard virtual.Guard
	name  atomic.Value  // name is what traces call it.
	beat  atomic.Int64  // beat is the bubble's clock at its last heartbeat.
	never chan struct{} // never has nothing, and is made outside: who waits for it stops the clock for good.
	froze chan struct{} // froze is closed when the clock is stopped for good.

	mu  sync.Mutex
	why error // why the run was broken off

	// What became of it, once the goroutine of make has ended.
	outcome *engine.Outcome
	err     error
}

// spinningRun is the run that an earlier bubble spins with, "" for none. Nothing ends
// a goroutine that never waits, so no more runs are made beside it: it may well
// take all the memory there is.
var spinningRun atomic.Value

// runInBubble makes a run in a bubble of its own. A bubble that does not come to its
// end is given up with an error: its brokers are asked without end at one instant,
// its clock goes on and on, or its clock stands still.
func runInBubble(ctx context.Context, t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	if p, ok := plan.Backend.(harness.Preflighter); ok {
		if err := p.Preflight(ctx); err != nil {
			return nil, err
		}
	}
	b := &bubble{plan: plan, never: make(chan struct{}), froze: make(chan struct{})}
	if which := spinningRun.Load(); which != nil {
		return nil, b.withRunName(fmt.Errorf("not made, for %s still spins", which))
	}
	if v, ok := plan.Backend.(virtual.Backend); ok {
		v.Guard = &b.guard
		b.plan.Backend = v
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.runInside(ctx, t)
	}()
	return b.awaitEnd(done)
}

// awaitEnd waits for the end of the run, or for what keeps it from ending.
func (b *bubble) awaitEnd(done <-chan struct{}) (*engine.Outcome, error) {
	started := time.Now()
	last, since, size := b.beat.Load(), started, processMemory()
	for {
		select {
		case <-done:
			if b.err == nil {
				b.outcome.Run.Started = started
			}
			return b.outcome, b.err
		case <-b.froze:
			return nil, b.withRunName(errors.Join(b.breakReason(), errors.New("it did not end then either: its clock was stopped")))
		case <-time.After(checkInterval):
		}
		if now := b.beat.Load(); now != last {
			last, since, size = now, time.Now(), processMemory()
			continue
		}
		traces, spins := "", false
		has := processMemory()
		stood, grown := time.Since(since), has-min(size, has)
		if stood >= maxStandstill || grown > maxGrowth {
			traces, spins = b.ownGoroutines()
		}
		if stood >= maxStandstill || spins {
			return nil, b.standstillError(stood, grown, traces, spins)
		}
	}
}

// withRunName is an error with the run's name and seed.
func (b *bubble) withRunName(err error) error {
	return fmt.Errorf("run %s of seed %d in virtual time: %w", b.runName(), b.plan.Seed, err)
}

func (b *bubble) runName() string {
	return b.plan.Scenario.Name + "/" + b.plan.Consumer.Name()
}

func (b *bubble) ownGoroutines() (traces string, spins bool) {
	name, _ := b.name.Load().(string)
	return awakeGoroutines(name)
}

// standstillError is the error that the clock stands still, with who sees to that.
func (b *bubble) standstillError(stood time.Duration, grown uint64, traces string, spins bool) error {
	what := "somebody waits for what is not in the bubble"
	if spins {
		what = "somebody never waits"
		spinningRun.Store(fmt.Sprintf("%s of seed %d", b.runName(), b.plan.Seed))
	}
	return b.withRunName(fmt.Errorf("the clock has stood still for %v, in which the process grew by %d MiB: %s:\n%s",
		stood.Round(time.Second), grown>>20, what, traces))
}

// breakOff ends the run, for the first of the reasons given.
func (b *bubble) breakOff(why error, cancel func()) {
	b.mu.Lock()
	if b.why == nil {
		b.why = why
	}
	b.mu.Unlock()
	cancel()
}

// breakReason is why the run was broken off, nil if it was not.
func (b *bubble) breakReason() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why
}

// runInside makes the run. A bubble that cannot end, because goroutines of a consumer
// are left in it, panics, and takes the outcome with it.
func (b *bubble) runInside(ctx context.Context, t *testing.T) {
	defer func() {
		if p := recover(); p != nil {
			b.outcome, b.err = nil, errors.Join(b.err, fmt.Errorf("virtual time cannot go on: %v", p))
		}
	}()
	synctest.Test(t, func(*testing.T) {
		b.name.Store(bubbleNameHere())
		within, cancel := context.WithCancel(context.Background())
		b.guard.OnSpin = func(err error) { b.breakOff(fmt.Errorf("it spins: %w", err), cancel) }
		over, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			b.beatPulse(over, ctx, cancel)
		}()
		b.outcome, b.err = engine.Run(within, b.plan)
		if why := b.breakReason(); why != nil {
			b.outcome, b.err = nil, b.withRunName(errors.Join(why, b.err))
		}
		time.Sleep(aftermath)
		close(over)
		cancel()
		<-ended
	})
}

// beatPulse shows that the bubble's clock goes, and carries the end of a context of
// the world outside into it: waiting for that would stop the clock. A run that
// takes longer than any does is broken off, and one that does not end then is left
// as it stands.
func (b *bubble) beatPulse(over <-chan struct{}, outside context.Context, cancel func()) {
	tick := time.NewTicker(pulseInterval)
	defer tick.Stop()
	began, longest := time.Now(), runLimit(b.plan.Scenario)
	for {
		b.beat.Store(time.Now().UnixNano())
		select {
		case <-tick.C:
		case <-over:
			return
		}
		if outside.Err() != nil {
			cancel()
		}
		if took := time.Since(began); took > longest {
			b.breakOff(fmt.Errorf("it has not ended after %v, of which the load and its drain are to take %v", took, loadAndDrain(b.plan.Scenario)), cancel)
			if took > 2*longest {
				close(b.froze)
				<-b.never
			}
		}
	}
}

// runLimit is the virtual time after which a run never ends: many times what the
// slowest has for the load, its drain, and five minutes for each pod that died.
func runLimit(s harness.Scenario) time.Duration { return 2*loadAndDrain(s) + time.Hour }

func loadAndDrain(s harness.Scenario) time.Duration {
	_, _, last := load.Extent(s.Load.Pacer)
	return last + s.Drain
}
