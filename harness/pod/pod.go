package pod

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// StopGrace is the time that a pod has to stop, in addition to its drain.
const StopGrace = 5 * time.Second

// pod is a pod over all its incarnations. It implements those parts of [harness.Pod]
// and its abilities that are the same for processes and goroutines.
type pod[I instance] struct {
	pods *pods[I]
	name string

	// Under the mutex of pods:
	starts int
	last   I // last is the latest incarnation. It is set if starts > 0.
}

// Name implements [harness.Pod].
func (p *pod[I]) Name() string { return p.name }

// Start implements [harness.Pod]: it starts the next incarnation and returns when
// that runs. Start fails if the latest incarnation still runs.
func (p *pod[I]) Start(ctx context.Context) error { return p.StartAs(ctx, p.name) }

// StartAs implements [harness.InstanceTaker].
func (p *pod[I]) StartAs(ctx context.Context, instanceID string) error {
	ps := p.pods
	ps.mu.Lock()
	defer ps.mu.Unlock()
	err := p.checkStartable(ctx)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	spec := ps.options.specFor(p.name, instanceID, p.starts+1, ledger.Owner(len(ps.instances)+1))
	spec.LoadStart = ps.loadStart
	in, err := ps.launch(spec)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.last, p.starts = in, p.starts+1
	ps.instances = append(ps.instances, in)
	ps.owners.Store(harness.ClientID(p.name, p.starts), ledger.Owner(len(ps.instances)))
	return nil
}

// checkStartable returns why the pod cannot start, or nil. The caller holds mu.
func (p *pod[I]) checkStartable(ctx context.Context) error {
	switch ps := p.pods; {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !ps.started:
		return errors.New("its fleet was not started")
	case ps.closing:
		return errors.New("its fleet has ended")
	case p.starts > 0 && p.last.isAlive():
		return errors.New("it is running")
	case len(ps.instances) == math.MaxUint16:
		return fmt.Errorf("a run has at most %d incarnations", math.MaxUint16)
	}
	return nil
}

// Kill implements [harness.Pod]: it returns when the pod has ended. Kill fails if the
// pod does not run.
func (p *pod[I]) Kill(ctx context.Context) error {
	in, err := p.livingInstance()
	if err != nil {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	in.killNow()
	select {
	case <-in.endSignal():
	case <-ctx.Done():
		return fmt.Errorf("kill %s: wait for its end: %w", p.name, context.Cause(ctx))
	}
	if record := p.pods.recordOf(in); !record.Intended {
		return fmt.Errorf("kill %s: it ended by itself just before: %s", p.name, record.Cause)
	}
	return nil
}

// AllowEnd implements [harness.EndAllower].
func (p *pod[I]) AllowEnd() error {
	in, err := p.livingInstance()
	if err != nil {
		return fmt.Errorf("let %s end: %w", p.name, err)
	}
	in.allowEnd()
	return nil
}

// Stop implements [harness.Leaver]: it asks the pod to stop and returns when the pod
// has ended. The pod has its drain and [StopGrace] for that; then it is killed.
func (p *pod[I]) Stop(ctx context.Context) error {
	in, err := p.livingInstance()
	if err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	in.requestStop()
	patience := time.NewTimer(p.pods.options.Config.RevokeTimeout + StopGrace)
	defer patience.Stop()
	select {
	case <-in.endSignal():
		return nil
	case <-patience.C:
		in.killUnresponsive()
	case <-ctx.Done():
	}
	select {
	case <-in.endSignal():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: wait for its end: %w", p.name, context.Cause(ctx))
	}
}

// Running implements [harness.Prober].
func (p *pod[I]) Running() bool {
	_, err := p.livingInstance()
	return err == nil
}

// livingInstance is the instance that runs, or an error that says why the pod does not run.
func (p *pod[I]) livingInstance() (in I, err error) {
	p.pods.mu.Lock()
	defer p.pods.mu.Unlock()
	switch {
	case p.starts == 0:
		return in, errors.New("it was never started")
	case !p.last.isAlive():
		return in, fmt.Errorf("it has ended: %s", p.last.currentRecord().Exit)
	}
	return p.last, nil
}
