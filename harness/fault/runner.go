package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

const (
	// verifyTimeout is how long a fault may need to take effect. An earlier heal
	// ends the wait.
	verifyTimeout = 15 * time.Second
	// healTimeout bounds the remaining heals when a run ends early.
	healTimeout = 30 * time.Second
)

// Runner injects the faults of a scenario in one run. Its callbacks may be nil.
// The goroutine of Run calls them, one at a time.
type Runner struct {
	Env        *harness.Env // Env is copied for each fault, so that each sets its own Target.
	Injections []harness.Injection
	Session    time.Duration        // Session is the session timeout: heal times are multiples of it.
	Now        func() time.Duration // Now is the time since the start of the load, below zero before it.

	Before   func(i int)                                          // Before is called right before injection i.
	Injected func(i int, target harness.Target, at time.Duration) // Injected is called after injection i.
	Healed   func(i int, at time.Duration)                        // Healed is called after the heal of an injection that succeeded.
}

// Outcome is the result of one injection. The fault or its heal may have
// disturbed the run at any time from Injected to Healed.
type Outcome struct {
	Injection harness.Injection
	Target    harness.Target
	Injected  time.Duration // Injected is when the injection began, harness.Never if it failed.
	Healed    time.Duration // Healed is when the heal ended, harness.Never without one.
	Verified  error         // Verified says why the fault did not take effect, nil if it did. It is data, not an error of the harness.
}

// step is an injection or a heal with its time.
type step struct {
	at        time.Duration
	injection int
	heal      func(context.Context) error // heal is nil for an injection.
}

// schedule is the state of one Run.
type schedule struct {
	*Runner
	steps    []step // by time
	outcomes []Outcome
}

// Run injects each fault at its time, verifies it and heals it. It returns an
// outcome for every injection. Each step takes time, so a later step may start
// late; the outcomes have the real times. If ctx ends or a step fails, Run makes
// all remaining heals at once, under their own deadline. The end of ctx is no
// error. A fault that ignores the end of ctx is one.
func (r *Runner) Run(ctx context.Context) ([]Outcome, error) {
	s := &schedule{Runner: r, outcomes: make([]Outcome, len(r.Injections))}
	for i, injection := range r.Injections {
		s.outcomes[i] = Outcome{Injection: injection, Injected: harness.Never, Healed: harness.Never}
		s.addStep(step{at: injection.At, injection: i})
	}
	for len(s.steps) > 0 && sleep(ctx, s.steps[0].at-r.Now()) {
		next := s.steps[0]
		s.steps = s.steps[1:]
		var err error
		if next.heal == nil {
			err = s.injectFault(ctx, next.injection)
		} else {
			err = s.healFault(ctx, next)
		}
		switch {
		case err == nil:
		case ctx.Err() == nil || errors.Is(err, stuckError{}):
			return s.outcomes, errors.Join(err, s.healAll(ctx))
		case next.heal != nil: // ctx ended during this heal: healAll repeats it
			s.addStep(next)
		}
	}
	return s.outcomes, s.healAll(ctx)
}

// addStep keeps steps in order of time. Of equal times the step added first
// comes first.
func (s *schedule) addStep(added step) {
	i := slices.IndexFunc(s.steps, func(old step) bool { return old.at > added.at })
	if i < 0 {
		i = len(s.steps)
	}
	s.steps = slices.Insert(s.steps, i, added)
}

// injected is what an injection leaves behind.
type injected struct {
	heal func(context.Context) error
	env  harness.Env
}

func (s *schedule) injectFault(ctx context.Context, i int) error {
	injection, out := s.Injections[i], &s.outcomes[i]
	if s.Before != nil {
		s.Before(i)
	}
	began := s.Now()
	done, err := callFault(ctx, func() (injected, error) {
		env := *s.Env // a copy, so that each injection sets its own Target
		heal, err := injection.Fault.Inject(ctx, &env)
		return injected{heal, env}, err
	})
	heal, env, returned := done.heal, done.env, s.Now()
	after, healed := injection.HealsAfter(s.Session)
	if heal == nil && err == nil { // the fault ends by itself, and its interval all the same
		heal = func(context.Context) error { return nil }
	}
	if heal != nil && (healed || err != nil) { // heal an injection that failed half-way, too
		s.addStep(step{at: returned + after, injection: i, heal: heal})
	}
	out.Target = env.Target
	if err != nil {
		return fmt.Errorf("inject %s: %w", injection.Fault.Name(), err)
	}
	out.Injected = began
	if s.Injected != nil {
		s.Injected(i, env.Target, began)
	}
	limit := verifyTimeout
	if healed {
		limit = min(limit, returned+after-s.Now())
	}
	out.Verified = verifyFault(ctx, injection.Fault, &env, limit)
	return nil
}

// verifyFault asks a fault whether it took effect.
func verifyFault(ctx context.Context, f harness.Fault, env *harness.Env, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return callAction(ctx, func(ctx context.Context) error { return f.Verify(ctx, env) })
}

func (s *schedule) healFault(ctx context.Context, h step) error {
	if err := callAction(ctx, h.heal); err != nil {
		return fmt.Errorf("heal %s: %w", s.Injections[h.injection].Fault.Name(), err)
	}
	out := &s.outcomes[h.injection]
	out.Healed = s.Now()
	if s.Healed != nil && out.Injected != harness.Never {
		s.Healed(h.injection, out.Healed)
	}
	return nil
}

// healAll makes the remaining heals.
func (s *schedule) healAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healTimeout)
	defer cancel()
	var errs []error
	for _, next := range s.steps {
		if next.heal != nil {
			errs = append(errs, s.healFault(ctx, next))
		}
	}
	return errors.Join(errs...)
}

// retryUntil calls ask until it returns nil or ctx ends, and then returns its
// last error.
func retryUntil(ctx context.Context, ask func() error) error {
	const pause = 100 * time.Millisecond
	for {
		err := ask()
		if err == nil || !sleep(ctx, pause) {
			return err
		}
	}
}

// sleep waits, and reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
