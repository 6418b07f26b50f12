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
	failed   error // failed has what heals failed with during an injection.
}

// Run injects each fault at its time, verifies it and heals it. It returns an
// outcome for every injection. Each injection takes time, so a later one may start
// late; the outcomes have the real times. A heal that is due meanwhile is made in
// time: the injection may wait for what it ends. If ctx ends or a step fails, Run
// makes all remaining heals at once, under their own deadline. The end of ctx is no
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
			err = errors.Join(s.injectFault(ctx, next.injection), s.failed)
		} else {
			err = s.healInTime(ctx, next)
		}
		if err != nil && (ctx.Err() == nil || errors.Is(err, stuckError{})) {
			return s.outcomes, errors.Join(err, s.healAll(ctx))
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
	done, err := callWhileHealing(ctx, s, i, func() (injected, error) {
		return callFault(ctx, func() (injected, error) {
			env := *s.Env // a copy, so that each injection sets its own Target
			heal, err := injection.Fault.Inject(ctx, &env)
			return injected{heal, env}, err
		})
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
	_, out.Verified = callWhileHealing(ctx, s, i, func() (struct{}, error) {
		return struct{}{}, verifyFault(ctx, injection.Fault, &env, limit)
	})
	return nil
}

// verifyFault asks a fault whether it took effect.
func verifyFault(ctx context.Context, f harness.Fault, env *harness.Env, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return callAction(ctx, func(ctx context.Context) error { return f.Verify(ctx, env) })
}

// callWhileHealing calls a function of injection i, which returns soon after the end of ctx. It
// makes the heals of other injections that are due before that.
func callWhileHealing[T any](ctx context.Context, s *schedule, i int, call func() (T, error)) (value T, err error) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		value, err = call()
	}()
	for {
		next := slices.IndexFunc(s.steps, func(o step) bool { return o.heal != nil && o.injection != i })
		if next < 0 {
			break
		}
		due := time.NewTimer(s.steps[next].at - s.Now())
		select {
		case <-returned:
			due.Stop()
			return value, err
		case <-ctx.Done():
			due.Stop()
			<-returned
			return value, err
		case <-due.C:
			heal := s.steps[next]
			s.steps = slices.Delete(s.steps, next, next+1)
			s.failed = errors.Join(s.failed, s.healInTime(ctx, heal))
		}
	}
	<-returned
	return value, err
}

// healInTime makes a heal. If ctx ends during it, it is left for healAll.
func (s *schedule) healInTime(ctx context.Context, h step) error {
	err := s.healFault(ctx, h)
	if err != nil && ctx.Err() != nil && !errors.Is(err, stuckError{}) {
		s.addStep(h)
		return nil
	}
	return err
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

// retryUntil calls ask until it returns nil or ctx ends. Then it returns the last error from the
// time before that, if there was one.
func retryUntil(ctx context.Context, ask func() error) error {
	const pause = 100 * time.Millisecond
	var last error
	for {
		err := ask()
		if err != nil && last != nil && ctx.Err() != nil {
			return last // err may say only that ctx has ended
		}
		if err == nil || !sleep(ctx, pause) {
			return err
		}
		last = err
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
