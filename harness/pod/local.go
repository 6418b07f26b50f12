package pod

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// afterlife is how long the consumer of a dead pod may go on before it counts
// as one that never ends: it finds its connections cut, its work failing and
// its context ended.
const afterlife = 5 * time.Minute

// Local is the pods of a run as goroutines of this process, for back ends that
// no other process reaches: what [Fleet] is with child processes. A pod's death
// is made so that nobody outside it can tell it from a process's, see [life].
// Its time is that of the goroutine that made it, real or a bubble's. Kill must
// be called in the end, on every path. Safe for many goroutines.
type Local struct {
	options        Options
	implementation *harness.Implementation
	goroutines     sync.WaitGroup

	mu      sync.Mutex
	started bool
	closing bool // no pod starts any more
	told    bool // where a consumer is that does not return was told
	pods    []*resident
	all     []*life // by Owner-1
}

// NewLocal checks the options and starts nothing. Options.Config.Dialer, which
// must be set, is how the pods reach their brokers.
func NewLocal(o Options) (*Local, error) {
	implementation, err := harness.FindImplementation(o.Implementation)
	if err != nil {
		return nil, fmt.Errorf("new fleet: %w", err)
	}
	if _, err := load.ParseService(o.Service); err != nil {
		return nil, fmt.Errorf("new fleet: %w", err)
	}
	if o.Pods < 1 || o.Spare < 0 {
		return nil, fmt.Errorf("new fleet: %d pods, %d spare, want at least 1 and 0", o.Pods, o.Spare)
	}
	f := &Local{options: o, implementation: implementation}
	for i := range o.Pods + o.Spare {
		f.pods = append(f.pods, &resident{fleet: f, name: fmt.Sprintf("pod-%d", i+1)})
	}
	return f, nil
}

// Start starts the first incarnation of every pod that is no spare one. On an
// error none is left.
func (f *Local) Start(ctx context.Context) error {
	f.mu.Lock()
	if f.started || f.closing {
		f.mu.Unlock()
		return errors.New("start fleet: it was started or ended before")
	}
	f.started = true
	f.mu.Unlock()
	for _, p := range f.pods[:f.options.Pods] {
		if err := p.Start(ctx); err != nil {
			return errors.Join(err, f.Kill())
		}
	}
	return nil
}

// Pods are the pods, spare ones last, for faults.
func (f *Local) Pods() []harness.Pod {
	var pods []harness.Pod
	for _, p := range f.pods {
		pods = append(pods, p)
	}
	return pods
}

// Stop ends the fleet in good order, as [Fleet.Stop] does.
func (f *Local) Stop(ctx context.Context) (killed []string, err error) {
	living := f.close()
	for _, l := range living {
		l.terminate()
	}
	for _, l := range living {
		select {
		case <-l.ended:
		case <-ctx.Done():
		}
	}
	for _, l := range living {
		select {
		case <-l.ended:
		default:
			killed = append(killed, l.record.Pod)
		}
	}
	return killed, f.Kill()
}

// Kill ends the fleet at once and returns when every consumer has, those of pods
// that died before too. One that has not after five minutes is named, with where
// its goroutines are: it is still there then.
func (f *Local) Kill() error {
	for _, l := range f.close() {
		l.kill()
	}
	f.mu.Lock()
	all := f.all
	f.mu.Unlock()
	deadline := time.NewTimer(afterlife)
	defer deadline.Stop()
	for _, l := range all {
		select {
		case <-l.returned:
		case <-deadline.C:
			return f.stuck(l)
		}
	}
	f.goroutines.Wait()
	return nil
}

// stuck is the error that a consumer does not return, with where it is the first time.
func (f *Local) stuck(l *life) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	who := harness.ClientID(l.record.Pod, l.record.N)
	if f.told {
		return fmt.Errorf("kill fleet: the consumer of %s is still there", who)
	}
	f.told = true
	return fmt.Errorf("kill fleet: the consumer of %s has not returned %v after its pod died: it does not end with its context, or waits for work that does not end; it has\n%s",
		who, afterlife, stacks(l.record.Journal))
}

// close lets no pod start any more and returns those that live.
func (f *Local) close() (living []*life) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing = true
	for _, l := range f.all {
		if l.alive() {
			living = append(living, l)
		}
	}
	return living
}

// Incarnations are all incarnations so far, by Owner.
func (f *Local) Incarnations() []Incarnation {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Incarnation, 0, len(f.all))
	for _, l := range f.all {
		all = append(all, l.snapshot())
	}
	return all
}

// Usage is what became of each pod that was started; what it used cannot be told
// from the rest of this process.
func (f *Local) Usage() []harness.PodReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	var reports []harness.PodReport
	for _, p := range f.pods {
		if p.starts == 0 && f.started {
			continue
		}
		r := harness.PodReport{Name: p.name, Incarnations: p.starts}
		for _, l := range f.all {
			if in := l.snapshot(); in.Pod == p.name && in.Down != 0 && !in.Asked {
				r.Exit, r.Stderr = in.Exit, in.Stderr
			}
		}
		reports = append(reports, r)
	}
	return reports
}

// resident is a pod of a local fleet over all its incarnations.
type resident struct {
	fleet *Local
	name  string

	// Under the mutex of the fleet:
	starts int
	last   *life // the last incarnation, nil before the first
}

var (
	_ harness.Pod    = (*resident)(nil)
	_ harness.Pauser = (*resident)(nil)
	_ harness.Leaver = (*resident)(nil)
	_ harness.Prober = (*resident)(nil)
)

// Name implements [harness.Pod].
func (r *resident) Name() string { return r.name }

// Kill implements [harness.Pod]. It is an error if the pod is dead.
func (r *resident) Kill(context.Context) error {
	l, err := r.living()
	if err != nil {
		return fmt.Errorf("kill %s: %w", r.name, err)
	}
	l.kill()
	if in := l.snapshot(); !in.Asked {
		return fmt.Errorf("kill %s: it ended by itself just before: %s", r.name, in.Exit)
	}
	return nil
}

// Pause implements [harness.Pauser]: from its return on nothing comes from the
// pod, neither to its brokers nor into its journal. Its timers go on inside, and
// find what they do held until it resumes.
func (r *resident) Pause(context.Context) error {
	l, err := r.living()
	if err != nil {
		return fmt.Errorf("pause %s: %w", r.name, err)
	}
	l.pause()
	return nil
}

// Resume implements [harness.Pauser].
func (r *resident) Resume(context.Context) error {
	if l, err := r.living(); err == nil {
		l.resume()
	}
	return nil
}

// Running implements [harness.Prober].
func (r *resident) Running() bool {
	_, err := r.living()
	return err == nil
}

// Paused implements [harness.Prober].
func (r *resident) Paused() bool {
	l, err := r.living()
	return err == nil && l.paused()
}

// Stop implements [harness.Leaver].
func (r *resident) Stop(ctx context.Context) error {
	l, err := r.living()
	if err != nil {
		return fmt.Errorf("stop %s: %w", r.name, err)
	}
	l.terminate()
	patience := time.NewTimer(r.fleet.options.Config.Drain + StopGrace)
	defer patience.Stop()
	select {
	case <-l.ended:
	case <-patience.C:
		l.giveUp()
	case <-ctx.Done():
		return fmt.Errorf("stop %s: wait until it has ended: %w", r.name, context.Cause(ctx))
	}
	return nil
}

func (r *resident) living() (*life, error) {
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	switch {
	case r.last == nil:
		return nil, errors.New("it was never started")
	case !r.last.alive():
		return nil, fmt.Errorf("it is dead: %s", r.last.snapshot().Exit)
	}
	return r.last, nil
}

// Start implements [harness.Pod]. It is an error if the last incarnation lives.
func (r *resident) Start(ctx context.Context) error {
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	err := r.startable(ctx)
	if err == nil {
		err = r.launch()
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", r.name, err)
	}
	return nil
}

// startable says why the pod cannot be started. The caller holds mu.
func (r *resident) startable(ctx context.Context) error {
	switch f := r.fleet; {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !f.started:
		return errors.New("its fleet was not started")
	case f.closing:
		return errors.New("its fleet has ended")
	case r.last != nil && r.last.alive():
		return errors.New("it is running")
	case len(f.all) == math.MaxUint16:
		return fmt.Errorf("a run has at most %d incarnations", math.MaxUint16)
	}
	return nil
}

// launch starts the next incarnation. The caller holds mu.
func (r *resident) launch() error {
	f, o := r.fleet, r.fleet.options
	cfg := o.Config
	cfg.Pod, cfg.Incarnation = r.name, r.starts+1
	spec := Spec{
		Implementation: o.Implementation, Config: cfg,
		Service: o.Service, Failures: o.Failures, Seed: o.Seed, Repeat: o.Repeat, Run: o.Run, Topics: o.Topics,
		Journal: filepath.Join(o.Dir, cfg.ClientID()+".journal"),
		Owner:   ledger.Owner(len(f.all) + 1),
	}
	l, err := newLife(spec, o.Clock, o.Exited)
	if err != nil {
		return err
	}
	r.last, r.starts = l, cfg.Incarnation
	f.all = append(f.all, l)
	f.goroutines.Go(func() { l.run(f.implementation) })
	return nil
}
