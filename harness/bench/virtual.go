package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
)

const (
	// heartbeat is how often, in virtual time, a bubble shows that its clock goes
	// and looks whether it shall end.
	heartbeat = 250 * time.Millisecond
	// aftermath is the virtual time in which what a run has closed finds out.
	aftermath = 10 * time.Second
	// standstill is the real time after which a clock that does not move counts as
	// one that never will.
	standstill = time.Minute
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
	choices, err := harness.ParseChoice(consumer)
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
	plan engine.Plan
	beat atomic.Int64 // beat is the bubble's clock at its last heartbeat.

	// What became of it, once the goroutine of make has ended.
	outcome *engine.Outcome
	err     error
}

// inBubble makes a run in a bubble of its own. A bubble whose clock stands still
// is given up with an error: then a goroutine waits for something that does not
// happen in virtual time, a mutex or the network, and will do so for ever.
func inBubble(ctx context.Context, t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	if p, ok := plan.Backend.(harness.Preparer); ok {
		if err := p.Prepare(ctx); err != nil {
			return nil, err
		}
	}
	b := &bubble{plan: plan}
	started := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.make(ctx, t)
	}()
	last := b.beat.Load()
	for {
		select {
		case <-done:
			if b.err == nil {
				b.outcome.Run.Started = started
			}
			return b.outcome, b.err
		case <-time.After(standstill):
		}
		if now := b.beat.Load(); now != last {
			last = now
			continue
		}
		return nil, fmt.Errorf("run %s with %s: virtual time has stood still for %v: somebody waits for what is not in the bubble, or never waits",
			plan.Scenario.Name, plan.Consumer.Name(), standstill)
	}
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
		within, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.pulse(within, ctx, cancel)
		}()
		b.outcome, b.err = engine.Run(within, b.plan)
		time.Sleep(aftermath)
		cancel()
		<-ended
	})
}

// pulse shows that the bubble's clock goes, and carries the end of a context of
// the world outside into it: waiting for that would stop the clock.
func (b *bubble) pulse(within, outside context.Context, cancel func()) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for within.Err() == nil {
		b.beat.Store(time.Now().UnixNano())
		select {
		case <-tick.C:
			if outside.Err() != nil {
				cancel()
			}
		case <-within.Done():
		}
	}
}
