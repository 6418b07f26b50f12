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
	// verifyLimit is how long a fault may take until it shows. A heal that is
	// planned earlier ends the wait.
	verifyLimit = 15 * time.Second
	// healLimit is how long the heals may take that are made up for when a run
	// ends early.
	healLimit = 30 * time.Second
)

// Runner carries out the injections of a scenario in one run. Its callbacks may
// be nil; they are called by the goroutine that is in Run, one at a time.
type Runner struct {
	Env        *harness.Env // Env is handed to each fault as a copy with a Hit of its own.
	Injections []harness.Injection
	Session    time.Duration        // Session is the session timeout that heal times count in.
	Now        func() time.Duration // Now is the time since the load began; below zero it has not.

	Before   func(i int)                                       // Before is called right before injection i.
	Injected func(i int, hit harness.Target, at time.Duration) // Injected is called once injection i has happened.
	Healed   func(i int, at time.Duration)                     // Healed is called once it is undone, if Injected was.
}

// Outcome is what became of one injection. From Injected to Healed is all the
// time in which the fault or its heal may have disturbed anything.
type Outcome struct {
	Injection harness.Injection
	Hit       harness.Target
	Injected  time.Duration // Injected is when it began to happen, harness.Never if it did not.
	Healed    time.Duration // Healed is when it was undone, harness.Never if it was not.
	Verified  error         // Verified says why the fault did not take; nil if it did. It is data, no error of the harness.
}

// step is something to do at a time of the load.
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

// Run injects each fault at its time, verifies it and heals it after its time,
// and returns when nothing is left to do, with an outcome for every injection.
// Each of these takes its time, so what falls due meanwhile happens late; the
// outcomes have the times at which things happened. When ctx ends, or a fault
// cannot be injected or healed, all that was to be healed later is healed at
// once, under a deadline of its own. The end of ctx is no error.
func (r *Runner) Run(ctx context.Context) ([]Outcome, error) {
	s := &schedule{Runner: r, outcomes: make([]Outcome, len(r.Injections))}
	for i, injection := range r.Injections {
		s.outcomes[i] = Outcome{Injection: injection, Injected: harness.Never, Healed: harness.Never}
		s.add(step{at: injection.At, injection: i})
	}
	for len(s.steps) > 0 && sleep(ctx, s.steps[0].at-r.Now()) {
		next := s.steps[0]
		s.steps = s.steps[1:]
		var err error
		if next.heal == nil {
			err = s.inject(ctx, next.injection)
		} else {
			err = s.heal(ctx, next)
		}
		switch {
		case err == nil:
		case ctx.Err() == nil:
			return s.outcomes, errors.Join(err, s.healAll(ctx))
		case next.heal != nil: // ctx ended on it: once more below
			s.add(next)
		}
	}
	return s.outcomes, s.healAll(ctx)
}

// add keeps steps in time order; of equal times the one added first comes first.
func (s *schedule) add(added step) {
	i := slices.IndexFunc(s.steps, func(old step) bool { return old.at > added.at })
	if i < 0 {
		i = len(s.steps)
	}
	s.steps = slices.Insert(s.steps, i, added)
}

func (s *schedule) inject(ctx context.Context, i int) error {
	injection, out := s.Injections[i], &s.outcomes[i]
	env := *s.Env // a copy, so that each injection has a Hit of its own
	if s.Before != nil {
		s.Before(i)
	}
	began := s.Now()
	heal, err := injection.Fault.Inject(ctx, &env)
	after, healed := injection.HealsAfter(s.Session)
	if heal != nil && (healed || err != nil) { // an injection that failed half-way is undone too
		s.add(step{at: began + after, injection: i, heal: heal})
	}
	out.Hit = env.Target
	if err != nil {
		return fmt.Errorf("inject %s: %w", injection.Fault.Name(), err)
	}
	out.Injected = began
	if s.Injected != nil {
		s.Injected(i, env.Target, began)
	}
	limit := verifyLimit
	if healed {
		limit = min(limit, began+after-s.Now())
	}
	out.Verified = verify(ctx, injection.Fault, &env, limit)
	return nil
}

// verify asks a fault that can say so whether it took.
func verify(ctx context.Context, f harness.Fault, env *harness.Env, limit time.Duration) error {
	v, ok := f.(harness.Verifier)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return v.Verify(ctx, env)
}

func (s *schedule) heal(ctx context.Context, h step) error {
	if err := h.heal(ctx); err != nil {
		return fmt.Errorf("heal %s: %w", s.Injections[h.injection].Fault.Name(), err)
	}
	out := &s.outcomes[h.injection]
	out.Healed = s.Now()
	if s.Healed != nil && out.Injected != harness.Never {
		s.Healed(h.injection, out.Healed)
	}
	return nil
}

// healAll makes up for the heals still to come.
func (s *schedule) healAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
	defer cancel()
	var errs []error
	for _, next := range s.steps {
		if next.heal != nil {
			errs = append(errs, s.heal(ctx, next))
		}
	}
	return errors.Join(errs...)
}

// eventually asks until there is no error, or ctx ends, and then returns the last.
func eventually(ctx context.Context, ask func() error) error {
	const pause = 100 * time.Millisecond
	for {
		err := ask()
		if err == nil || !sleep(ctx, pause) {
			return err
		}
	}
}

// sleep waits and reports whether ctx lasted that long.
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
