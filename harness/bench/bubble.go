package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
)

const (
	// pulseInterval is how often, in virtual time, a bubble shows that its clock moves
	// and checks whether it must end.
	pulseInterval = 250 * time.Millisecond
	// aftermath is the virtual time in which goroutines of a closed run can end.
	aftermath = 10 * time.Second
	// checkInterval is how often, in real time, the watchdog checks the clock.
	checkInterval = time.Second
	// sureWaits is how often in a row a goroutine is seen to wait for something outside, such
	// as a file, before that is what stops the clock.
	sureWaits = 3
)

// memoryLimit is GOMEMLIMIT of this process once it makes runs in virtual time. Near it garbage is collected
// sooner than gcPercent says: a fleet of hundreds of pods keeps 0.5 GiB, and would take 2.4. Other
// back ends have none: a flood through embedded brokers keeps gigabytes of records.
const memoryLimit = 3 << 29

// limitMemory sets the limit, unless the environment has one.
var limitMemory = sync.OnceFunc(func() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
})

// Variables for tests.
var (
	// maxStandstill is the real time after which a clock without a move counts as
	// stopped. Unless a goroutine of the bubble waits for something outside, the process must
	// also have got so much CPU time: on a busy machine it may get little.
	maxStandstill = time.Minute
	// maxGrowth is by how much the process may grow before that while a goroutine of
	// the bubble runs.
	maxGrowth uint64 = 2 << 30
)

// RunVirtual makes one run of a scenario on the virtual back end, in a bubble of
// virtual time. The consumer is named as on the command line. The status of the run
// has its verdict; an error means that there was no run. Without the build tag the
// error is [virtual.ErrTag]. Parallel tests may call it, any number of times.
func RunVirtual(t *testing.T, s harness.Scenario, consumer string, seed uint64) (*harness.Run, error) {
	scenario, err := engine.Overrides{}.Apply(s)
	if err != nil {
		return nil, err
	}
	selections, err := harness.ParseSelection(consumer)
	if err != nil {
		return nil, err
	}
	if len(selections) != 1 {
		return nil, fmt.Errorf("%q names %d consumers, want one", consumer, len(selections))
	}
	o, err := runInBubble(context.Background(), t, engine.Plan{Scenario: scenario, Consumer: selections[0], Backend: virtual.Backend{}, Repeat: 1, Seed: seed})
	if err != nil {
		return nil, err
	}
	return &o.Run, nil
}

// makeRun makes a run, in a bubble if its back end is virtual.
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
	name  atomic.Value  // name is the bubble's name in stack traces.
	beat  atomic.Int64  // beat is the bubble's clock at its last pulse.
	never chan struct{} // never is made outside and gets nothing: a wait for it stops the clock.
	froze chan struct{} // froze is closed when the clock was stopped on purpose.

	mu  sync.Mutex
	why error // why the run was cut short

	// The result, once the goroutine of runInside has ended.
	outcome *engine.Outcome
	err     error
}

// spinningRun names the run of an earlier bubble that still spins. Nothing can end a
// goroutine that never waits, and it may take all memory. So no more runs are made
// in this process.
var spinningRun atomic.Value

// runInBubble makes a run in its own bubble. It gives the run up with an error if the
// brokers get requests without end at one instant, if the run does not end, or if the
// clock stands still.
func runInBubble(ctx context.Context, t *testing.T, plan engine.Plan) (*engine.Outcome, error) {
	if p, ok := plan.Backend.(harness.Preflighter); ok {
		if err := p.Preflight(ctx); err != nil {
			return nil, err
		}
	}
	limitMemory()
	b := &bubble{plan: plan, never: make(chan struct{}), froze: make(chan struct{})}
	if which := spinningRun.Load(); which != nil {
		return nil, b.withRunName(fmt.Errorf("not made, because %s still spins", which))
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

// awaitEnd waits for the end of the run, and gives it up if it cannot end.
func (b *bubble) awaitEnd(done <-chan struct{}) (*engine.Outcome, error) {
	started := time.Now()
	last, since, size, used := b.beat.Load(), started, processMemory(), measure.CPU()
	waited := 0 // waited is in how many checks in a row a goroutine waited for something outside.
	for {
		select {
		case <-done:
			if b.err == nil {
				b.outcome.Run.Started = started
			}
			return b.outcome, b.err
		case <-b.froze:
			return nil, b.withRunName(errors.Join(b.breakReason(), errors.New("it did not end after that: its clock was stopped")))
		case <-time.After(checkInterval):
		}
		if now := b.beat.Load(); now != last {
			last, since, size, used = now, time.Now(), processMemory(), measure.CPU()
			continue
		}
		traces, spins, waits := "", false, false
		has := processMemory()
		stood, grown := time.Since(since), has-min(size, has)
		if stood >= maxStandstill || grown > maxGrowth {
			traces, spins, waits = b.ownGoroutines()
		}
		if waits = waits && !spins; waits {
			waited++
		} else {
			waited = 0
		}
		if spins && grown > maxGrowth || isStopped(stood, measure.CPU()-used, waited) {
			return nil, b.standstillError(stood, grown, traces, spins)
		}
	}
}

// isStopped reports whether a clock is stopped that has stood for a time. Meanwhile the process
// has used so much CPU time, and a goroutine waited for something outside in so many checks.
func isStopped(stood, cpu time.Duration, waited int) bool {
	return stood >= maxStandstill && (waited >= sureWaits || cpu >= maxStandstill)
}

// withRunName adds the run's name and seed to an error.
func (b *bubble) withRunName(err error) error {
	return fmt.Errorf("run %s of seed %d in virtual time: %w", b.runName(), b.plan.Seed, err)
}

func (b *bubble) runName() string {
	return b.plan.Scenario.Name + "/" + b.plan.Consumer.Name()
}

func (b *bubble) ownGoroutines() (traces string, spins, waits bool) {
	name, _ := b.name.Load().(string)
	return awakeGoroutines(name)
}

// standstillError says that the clock stands still, with the goroutines that stop it.
func (b *bubble) standstillError(stood time.Duration, grown uint64, traces string, spins bool) error {
	what := "a goroutine waits for something outside of the bubble"
	if spins {
		what = "a goroutine never waits"
		spinningRun.Store(fmt.Sprintf("%s of seed %d", b.runName(), b.plan.Seed))
	}
	return b.withRunName(fmt.Errorf("the clock has stood still for %v, and the process grew by %d MiB: %s:\n%s",
		stood.Round(time.Second), grown>>20, what, traces))
}

// breakOff cuts the run short. The first reason counts.
func (b *bubble) breakOff(why error, cancel func()) {
	b.mu.Lock()
	if b.why == nil {
		b.why = why
	}
	b.mu.Unlock()
	cancel()
}

// breakReason is why the run was cut short, nil if it was not.
func (b *bubble) breakReason() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why
}

// runInside makes the run inside the bubble. A bubble panics if goroutines of the
// consumer are left in it and all wait; then there is no outcome.
func (b *bubble) runInside(ctx context.Context, t *testing.T) {
	defer func() {
		if p := recover(); p != nil {
			b.outcome, b.err = nil, errors.Join(b.err, fmt.Errorf("virtual time cannot move on: %v", p))
		}
	}()
	synctest.Test(t, func(*testing.T) {
		b.name.Store(bubbleNameHere())
		within, cancelWith := context.WithCancelCause(context.Background())
		cancel := func() { cancelWith(nil) }
		b.guard.OnSpin = func(s virtual.Spin) {
			cause := engine.Spin{Client: s.Client, What: fmt.Sprintf("%d %s requests among %d reads and writes at one instant of virtual time", s.Count, s.Asks, s.Last)}
			if cancelWith(cause); !cause.OfPod() {
				b.breakOff(fmt.Errorf("it spins: %w", s), cancel)
			}
		}
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

// beatPulse shows that the bubble's clock moves. It also polls the context of the
// outside, since a wait for that would stop the clock. It cuts a run short that takes
// longer than any run may, and stops the clock if that does not end the run.
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
			b.breakOff(fmt.Errorf("it has not ended after %v; load and drain take %v", took, loadAndDrain(b.plan.Scenario)), cancel)
			if took > 2*longest {
				close(b.froze)
				<-b.never
			}
		}
	}
}

// runLimit is the longest virtual time of a run: many times what load, drain, and five
// minutes for each killed pod take.
func runLimit(s harness.Scenario) time.Duration { return 2*loadAndDrain(s) + time.Hour }

func loadAndDrain(s harness.Scenario) time.Duration {
	_, _, last := load.Extent(s.Load.Pacer)
	return last + s.Drain
}
