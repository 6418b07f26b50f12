package pod

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
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
	roster[*life]
	implementation *harness.Implementation
	goroutines     sync.WaitGroup
	told           bool // told says that it was told where a consumer is that does not return; under mu.
}

// NewLocal checks the options and starts nothing. Options.Config.Dialer, which
// must be set, is how the pods reach their brokers.
func NewLocal(o Options) (*Local, error) {
	implementation, err := o.check()
	if err != nil {
		return nil, err
	}
	f := &Local{implementation: implementation}
	f.options, f.launch = o, f.bear
	f.fill()
	return f, nil
}

// Start starts the first incarnation of every pod that is no spare one. On an
// error none is left.
func (f *Local) Start(ctx context.Context) error {
	if err := f.begin(func() {}); err != nil {
		return err
	}
	if err := f.startAll(ctx); err != nil {
		return errors.Join(err, f.Kill())
	}
	return nil
}

// Pods are the pods, spare ones last, for faults.
func (f *Local) Pods() []harness.Pod {
	var pods []harness.Pod
	for _, s := range f.seats {
		pods = append(pods, resident{s})
	}
	return pods
}

// Stop ends the fleet in good order, as [Fleet.Stop] does.
func (f *Local) Stop(ctx context.Context) (killed []string, err error) {
	killed = f.stop(ctx)
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

// bear begins an incarnation. The caller holds mu.
func (f *Local) bear(spec Spec) (*life, error) {
	l, err := newLife(spec, f.options.Clock, f.options.Exited)
	if err != nil {
		return nil, err
	}
	f.goroutines.Go(func() { l.run(f.implementation) })
	return l, nil
}
