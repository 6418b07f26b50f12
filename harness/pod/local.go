package pod

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// returnTimeout is the time that the consumer of a dead pod has to return. Its
// connections are cut, its work fails and its context has ended.
const returnTimeout = 5 * time.Minute

// Local is the pods of a run as goroutines of this process. It takes the place of
// [Fleet] for back ends that no other process can reach. From outside, the death of
// such a pod looks like that of a process, see goroutineInstance. Its time is that of the
// goroutine that made it: real, or a bubble's. The caller must call Kill at the end, on
// every path. Safe for many goroutines.
type Local struct {
	pods[*goroutineInstance]
	implementation *harness.Implementation
	goroutines     sync.WaitGroup
	stuckReported  bool // stuckReported: an error with stack traces was returned before; under mu
}

// NewLocal checks the options and starts nothing. Options.Config.Dialer must be set:
// the pods reach their brokers by it.
func NewLocal(o Options) (*Local, error) {
	implementation, err := o.validateOptions()
	if err != nil {
		return nil, err
	}
	f := &Local{implementation: implementation}
	f.options, f.launch = o, f.launchInstance
	f.createPods()
	return f, nil
}

// Start starts the first incarnation of every pod except the spare ones. After an
// error no pod runs.
func (f *Local) Start(ctx context.Context) error {
	if err := f.markStarted(func() {}); err != nil {
		return err
	}
	if err := f.startPods(ctx); err != nil {
		return errors.Join(err, f.Kill())
	}
	return nil
}

// Pods are the pods as faults see them, spare ones last.
func (f *Local) Pods() []harness.Pod {
	var pods []harness.Pod
	for _, s := range f.list {
		pods = append(pods, localPod{s})
	}
	return pods
}

// Stop ends the fleet orderly, as [Fleet.Stop] does.
func (f *Local) Stop(ctx context.Context) (killed []string, err error) {
	killed = f.stopInstances(ctx)
	return killed, f.Kill()
}

// Kill ends the fleet at once. It returns when all consumers have returned, those of
// pods that died before included. After five minutes it returns an error that names a
// consumer that has not returned, with the stack traces of its goroutines.
func (f *Local) Kill() error {
	for _, in := range f.refuseStarts() {
		in.killNow()
	}
	f.mu.Lock()
	all := f.instances
	f.mu.Unlock()
	deadline := time.NewTimer(returnTimeout)
	defer deadline.Stop()
	for _, in := range all {
		select {
		case <-in.returned:
		case <-deadline.C:
			return f.stuckError(in)
		}
	}
	f.goroutines.Wait()
	return nil
}

// stuckError says that a consumer does not return. The first such error has stack
// traces.
func (f *Local) stuckError(in *goroutineInstance) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := harness.ClientID(in.record.Pod, in.record.N)
	if f.stuckReported {
		return fmt.Errorf("kill fleet: the consumer of %s is still running", name)
	}
	f.stuckReported = true
	return fmt.Errorf("kill fleet: the consumer of %s has not returned %v after the death of its pod: it ignores the end of its context, or waits for work that does not end; it has\n%s",
		name, returnTimeout, stacksOf(in.record.Journal))
}

// launchInstance starts an incarnation. The caller holds mu.
func (f *Local) launchInstance(spec Spec) (*goroutineInstance, error) {
	in, err := newGoroutineInstance(spec, f.options.Clock, f.options.Exited)
	if err != nil {
		return nil, err
	}
	f.goroutines.Go(func() { in.runConsumer(f.implementation) })
	return in, nil
}
