package pod

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// StopGrace is how long a pod that was told to stop has, beside its drain.
const StopGrace = 5 * time.Second

// seat is a pod over all its incarnations: of [harness.Pod] and its abilities what
// does not depend on what they live in.
type seat[B body] struct {
	roster *roster[B]
	name   string

	// Under the mutex of the roster:
	starts int
	last   B // the last incarnation, if there was one
}

// Name implements [harness.Pod].
func (s *seat[B]) Name() string { return s.name }

// Start implements [harness.Pod]: it starts the next incarnation and returns once
// that runs. It is an error if the last one lives.
func (s *seat[B]) Start(ctx context.Context) error {
	r := s.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	err := s.startable(ctx)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	spec := r.options.spec(s.name, s.starts+1, ledger.Owner(len(r.all)+1))
	spec.Began = r.began
	b, err := r.launch(spec)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	s.last, s.starts = b, s.starts+1
	r.all = append(r.all, b)
	return nil
}

// startable says why the pod cannot be started. The caller holds mu.
func (s *seat[B]) startable(ctx context.Context) error {
	switch r := s.roster; {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !r.started:
		return errors.New("its fleet was not started")
	case r.closing:
		return errors.New("its fleet has ended")
	case s.starts > 0 && s.last.alive():
		return errors.New("it is running")
	case len(r.all) == math.MaxUint16:
		return fmt.Errorf("a run has at most %d incarnations", math.MaxUint16)
	}
	return nil
}

// Kill implements [harness.Pod]: it returns once the pod has ended. It is an error
// if it is dead.
func (s *seat[B]) Kill(ctx context.Context) error {
	b, err := s.living()
	if err != nil {
		return fmt.Errorf("kill %s: %w", s.name, err)
	}
	b.kill()
	select {
	case <-b.over():
	case <-ctx.Done():
		return fmt.Errorf("kill %s: wait until it has ended: %w", s.name, context.Cause(ctx))
	}
	if in := s.roster.record(b); !in.Asked {
		return fmt.Errorf("kill %s: it ended by itself just before: %s", s.name, in.Exit)
	}
	return nil
}

// Stop implements [harness.Leaver]: it asks the pod to stop and returns once it has
// ended. It has its drain and [StopGrace] for that, and is killed if they do not do.
func (s *seat[B]) Stop(ctx context.Context) error {
	b, err := s.living()
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	b.terminate()
	patience := time.NewTimer(s.roster.options.Config.Drain + StopGrace)
	defer patience.Stop()
	select {
	case <-b.over():
		return nil
	case <-patience.C:
		b.giveUp()
	case <-ctx.Done():
	}
	select {
	case <-b.over():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: wait until it has ended: %w", s.name, context.Cause(ctx))
	}
}

// Running implements [harness.Prober].
func (s *seat[B]) Running() bool {
	_, err := s.living()
	return err == nil
}

// living is the incarnation that lives.
func (s *seat[B]) living() (b B, err error) {
	s.roster.mu.Lock()
	defer s.roster.mu.Unlock()
	switch {
	case s.starts == 0:
		return b, errors.New("it was never started")
	case !s.last.alive():
		return b, fmt.Errorf("it is dead: %s", s.last.snapshot().Exit)
	}
	return s.last, nil
}
