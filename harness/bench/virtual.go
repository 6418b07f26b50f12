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
	// heartbeat is how often, in virtual time, a bubble shows that its clock goes
	// and looks whether it shall end.
	heartbeat = 250 * time.Millisecond
	// aftermath is the virtual time in which what a run has closed finds out.
	aftermath = 10 * time.Second
	// look is how often, in real time, it is looked whether the clock goes.
	look = time.Second
)

// Variables for tests.
var (
	// standstill is the real time after which a clock that does not move counts as
	// one that never will.
	standstill = time.Minute
	// mostGrown is by how much the process may grow before that while somebody in
	// the bubble is at work.
	mostGrown uint64 = 2 << 30
)

// Virtual makes one run of a scenario with a consumer, as named on the command
// line, on the virtual back end: in a bubble of virtual time. What is wrong with
// the run is in its status; an error says that there is no run. It leaves
// nothing behind and may be called as often as wanted, also by tests that are
// parallel. Where the build tag is missing the error is [virtual.ErrTag].
func Virtual(t *testing.T, s harness.Scenario, consumer string, seed uint64) (*harness.Run, error) {
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
	o, err := inBubble(context.Background(), t, engine.Plan{Scenario: scenario, Consumer: choices[0], Backend: virtual.Backend{}, Repeat: 1, Seed: seed})
	if err != nil {
		return nil, err
	}
	return &o.Run, nil
}

// makeRun makes a run, in a bubble where its back end wants one.
func makeRun(ctx context.Context, t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	if harness.IsVirtual(plan.Backend) {
		return inBubble(ctx, t, plan)
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

// spinning is the run that an earlier bubble spins with, "" for none. Nothing ends
// a goroutine that never waits, so no more runs are made beside it: it may well
// take all the memory there is.
var spinning atomic.Value

// inBubble makes a run in a bubble of its own. A bubble that does not come to its
// end is given up with an error: its brokers are asked without end at one instant,
// its clock goes on and on, or its clock stands still.
func inBubble(ctx context.Context, t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	if p, ok := plan.Backend.(harness.Preparer); ok {
		if err := p.Prepare(ctx); err != nil {
			return nil, err
		}
	}
	b := &bubble{plan: plan, never: make(chan struct{}), froze: make(chan struct{})}
	if which := spinning.Load(); which != nil {
		return nil, b.failed(fmt.Errorf("not made, for %s still spins", which))
	}
	if v, ok := plan.Backend.(virtual.Backend); ok {
		v.Guard = &b.guard
		b.plan.Backend = v
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.make(ctx, t)
	}()
	return b.watch(done)
}

// watch waits for the end of the run, or for what keeps it from ending.
func (b *bubble) watch(done <-chan struct{}) (*engine.Outcome, error) {
	started := time.Now()
	last, since, size := b.beat.Load(), started, memory()
	for {
		select {
		case <-done:
			if b.err == nil {
				b.outcome.Run.Started = started
			}
			return b.outcome, b.err
		case <-b.froze:
			return nil, b.failed(errors.Join(b.broken(), errors.New("it did not end then either: its clock was stopped")))
		case <-time.After(look):
		}
		if now := b.beat.Load(); now != last {
			last, since, size = now, time.Now(), memory()
			continue
		}
		traces, spins := "", false
		has := memory()
		stood, grown := time.Since(since), has-min(size, has)
		if stood >= standstill || grown > mostGrown {
			traces, spins = b.awake()
		}
		if stood >= standstill || spins {
			return nil, b.stands(stood, grown, traces, spins)
		}
	}
}

// failed is an error with the run's name and seed.
func (b *bubble) failed(err error) error {
	return fmt.Errorf("run %s of seed %d in virtual time: %w", b.label(), b.plan.Seed, err)
}

func (b *bubble) label() string {
	return b.plan.Scenario.Name + "/" + b.plan.Consumer.Name()
}

func (b *bubble) awake() (traces string, spins bool) {
	name, _ := b.name.Load().(string)
	return awake(name)
}

// stands is the error that the clock stands still, with who sees to that.
func (b *bubble) stands(stood time.Duration, grown uint64, traces string, spins bool) error {
	what := "somebody waits for what is not in the bubble"
	if spins {
		what = "somebody never waits"
		spinning.Store(fmt.Sprintf("%s of seed %d", b.label(), b.plan.Seed))
	}
	return b.failed(fmt.Errorf("the clock has stood still for %v, in which the process grew by %d MiB: %s:\n%s",
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

// broken is why the run was broken off, nil if it was not.
func (b *bubble) broken() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why
}

// make makes the run. A bubble that cannot end, because goroutines of a consumer
// are left in it, panics, and takes the outcome with it.
func (b *bubble) make(ctx context.Context, t *testing.T) {
	defer func() {
		if p := recover(); p != nil {
			b.outcome, b.err = nil, errors.Join(b.err, fmt.Errorf("virtual time cannot go on: %v", p))
		}
	}()
	synctest.Test(t, func(*testing.T) {
		b.name.Store(bubbleOf())
		within, cancel := context.WithCancel(context.Background())
		b.guard.OnSpin = func(err error) { b.breakOff(fmt.Errorf("it spins: %w", err), cancel) }
		over, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			b.pulse(over, ctx, cancel)
		}()
		b.outcome, b.err = engine.Run(within, b.plan)
		if why := b.broken(); why != nil {
			b.outcome, b.err = nil, b.failed(errors.Join(why, b.err))
		}
		time.Sleep(aftermath)
		close(over)
		cancel()
		<-ended
	})
}

// pulse shows that the bubble's clock goes, and carries the end of a context of
// the world outside into it: waiting for that would stop the clock. A run that
// takes longer than any does is broken off, and one that does not end then is left
// as it stands.
func (b *bubble) pulse(over <-chan struct{}, outside context.Context, cancel func()) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	began, longest := time.Now(), longest(b.plan.Scenario)
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
			b.breakOff(fmt.Errorf("it has not ended after %v, of which the load and its drain are to take %v", took, span(b.plan.Scenario)), cancel)
			if took > 2*longest {
				close(b.froze)
				<-b.never
			}
		}
	}
}

// longest is the virtual time after which a run never ends: many times what the
// slowest has for the load, its drain, and five minutes for each pod that died.
func longest(s harness.Scenario) time.Duration { return 2*span(s) + time.Hour }

func span(s harness.Scenario) time.Duration {
	_, _, last := load.Extent(s.Load.Pacer)
	return last + s.Drain
}
