package pod

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// member is a pod of a fleet over all its incarnations.
type member struct {
	fleet *Fleet
	name  string

	// Under the mutex of the fleet:
	starts int
	last   *process // the last incarnation, nil before the first
}

var (
	_ harness.Pod    = (*member)(nil)
	_ harness.Pauser = (*member)(nil)
	_ harness.Leaver = (*member)(nil)
	_ harness.Prober = (*member)(nil)
)

// Name implements [harness.Pod].
func (m *member) Name() string { return m.name }

// Kill implements [harness.Pod]: SIGKILL to the pod and all of its process
// group, then wait until it is reaped. It is an error if the pod is dead.
func (m *member) Kill(ctx context.Context) error {
	p, err := m.living()
	if err != nil {
		return fmt.Errorf("kill %s: %w", m.name, err)
	}
	p.kill()
	select {
	case <-p.reaped:
	case <-ctx.Done():
		return fmt.Errorf("kill %s: wait until it is reaped: %w", m.name, context.Cause(ctx))
	}
	if !p.record.Asked {
		return fmt.Errorf("kill %s: it ended by itself just before: %s", m.name, p.record.Exit)
	}
	return nil
}

// Stop implements [harness.Leaver]: SIGTERM, then wait until it is reaped. It has
// its drain and [StopGrace] for that, and is killed if they do not do.
func (m *member) Stop(ctx context.Context) error {
	p, err := m.living()
	if err != nil {
		return fmt.Errorf("stop %s: %w", m.name, err)
	}
	p.terminate(m.fleet.options.Clock.Now())
	patience := time.NewTimer(m.fleet.options.Config.Drain + StopGrace)
	defer patience.Stop()
	select {
	case <-p.reaped:
	case <-patience.C:
		p.giveUp()
	case <-ctx.Done():
	}
	select {
	case <-p.reaped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: wait until it is reaped: %w", m.name, context.Cause(ctx))
	}
}

// StopGrace is how long a pod that was told to stop has, beside its drain.
const StopGrace = 5 * time.Second

// Pause implements [harness.Pauser]: SIGSTOP to the pod and all of its process
// group, then wait until all its threads stand still.
func (m *member) Pause(ctx context.Context) error {
	p, err := m.living()
	if err != nil {
		return fmt.Errorf("pause %s: %w", m.name, err)
	}
	p.pause()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !standsStill(p.os.Pid) {
		select {
		case <-poll.C:
		case <-p.reaped:
			return fmt.Errorf("pause %s: it ended: %s", m.name, p.record.Exit)
		case <-ctx.Done():
			return fmt.Errorf("pause %s: wait until it stands still: %w", m.name, context.Cause(ctx))
		}
	}
	return nil
}

// Resume implements [harness.Pauser], by SIGCONT.
func (m *member) Resume(context.Context) error {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	if m.last != nil {
		m.last.resume()
	}
	return nil
}

// Running implements [harness.Prober].
func (m *member) Running() bool {
	_, err := m.living()
	return err == nil
}

// Paused implements [harness.Prober].
func (m *member) Paused() bool {
	p, err := m.living()
	return err == nil && standsStill(p.os.Pid)
}

func (m *member) living() (*process, error) {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	switch {
	case m.last == nil:
		return nil, fmt.Errorf("it was never started")
	case m.last.record.Down != 0:
		return nil, fmt.Errorf("it is dead: %s", m.last.record.Exit)
	}
	return m.last, nil
}

// Start implements [harness.Pod]: it starts the next incarnation and returns
// once its process runs. It is an error if the last one lives.
func (m *member) Start(ctx context.Context) error {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := m.startable(ctx); err != nil {
		return fmt.Errorf("start %s: %w", m.name, err)
	}
	if err := m.launch(); err != nil {
		return fmt.Errorf("start %s: %w", m.name, err)
	}
	return nil
}

// startable says why the pod cannot be started. The caller holds mu.
func (m *member) startable(ctx context.Context) error {
	switch f := m.fleet; {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !f.started:
		return fmt.Errorf("its fleet was not started")
	case f.closing:
		return fmt.Errorf("its fleet has ended")
	case m.last != nil && m.last.record.Down == 0:
		return fmt.Errorf("it is running")
	case len(f.all) == math.MaxUint16:
		return fmt.Errorf("a run has at most %d incarnations", math.MaxUint16)
	}
	return nil
}

// launch starts the next incarnation. The caller holds mu.
func (m *member) launch() error {
	f, o := m.fleet, m.fleet.options
	cfg := o.Config
	cfg.Pod, cfg.Incarnation = m.name, m.starts+1
	spec := Spec{
		Implementation: o.Implementation, Config: cfg,
		Service: o.Service, Failures: o.Failures, Seed: o.Seed, Repeat: o.Repeat, Run: o.Run, Topics: o.Topics,
		Journal: filepath.Join(o.Dir, cfg.ClientID()+".journal"),
		Owner:   ledger.Owner(len(f.all) + 1),
	}
	up := o.Clock.Now() // before the fork: nothing the pod does is earlier
	var p *process
	err := f.onForker(func() (err error) {
		p, err = spawn(f.executable, spec, &f.mu)
		return err
	})
	if err != nil {
		return err
	}
	p.record = Incarnation{Owner: spec.Owner, Pod: m.name, N: cfg.Incarnation, Journal: spec.Journal, Up: up}
	m.last, m.starts = p, cfg.Incarnation
	f.all = append(f.all, p)
	f.goroutines.Go(func() {
		ended := p.wait(o.Clock.Now)
		if !ended.Asked && o.Exited != nil {
			o.Exited(ended)
		}
	})
	return nil
}
