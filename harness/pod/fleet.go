package pod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

const (
	memoryInterval = 250 * time.Millisecond
	// reapTimeout bounds the wait for a process after SIGKILL, which only an
	// uninterruptible system call can delay.
	reapTimeout = 10 * time.Second
)

// Options say what a fleet runs.
type Options struct {
	Implementation string         // Implementation is the registered name of the consumer.
	Config         harness.Config // Config of every pod; Pod and Incarnation are filled in.
	Service        string         // Service, Failures, Seed, Repeat and Run are as in [Spec].
	Failures       harness.Failures
	Topics         []string // Topics are those of the run, by their number in the ledger.
	Seed           uint64
	Repeat         int
	Run            uint64
	Pods           int          // Pods is their number, at least 1.
	Spare          int          // Spare are pods beside those, which start only when their Start is called.
	Dir            string       // Dir is a folder for the journals, one an incarnation.
	Clock          ledger.Clock // Clock stamps the ups and downs.

	// Exited is called for each incarnation that ended unasked, from a goroutine
	// of the fleet that Stop and Kill wait for: it must not call them. May be nil.
	Exited func(Incarnation)
}

// Incarnation is a pod between a start and its end.
type Incarnation struct {
	Owner   ledger.Owner // Owner is its number in the run, in order of start over all pods, from 1.
	Pod     string       // Pod is the name of the pod, from "pod-1".
	N       int          // N counts the starts of the pod, from 1.
	Journal string       // Journal is the path of its journal; no file is there if it ended before it could make one.
	Up      int64        // Up is from when it can have worked, ns on CLOCK_MONOTONIC.
	Down    int64        // Down is when it had been reaped, ns on CLOCK_MONOTONIC; 0 while it lives.

	// Asked says that it ended as the fleet wanted it to: killed, or stopped in
	// answer to SIGTERM, be it with an error of the consumer. False while it lives.
	Asked bool
	Told  int64  // Told is when it was first asked to stop, by SIGTERM, ns on CLOCK_MONOTONIC; 0: it was not.
	Deaf  bool   // Deaf says that it did not stop when [harness.Leaver] asked it to, and was killed.
	Exit  string // Exit is how it ended, as "exit status 4" or "signal: killed"; "" while it lives.
	// Stderr is the tail, up to 64 KiB, of what it printed to standard error and
	// standard output, in that order of writing.
	Stderr string
}

// Fleet is the pods of a run. Kill must be called in the end, on every path.
// Safe for many goroutines.
type Fleet struct {
	options    Options
	executable string
	forks      chan func()   // to the one thread that starts processes
	quit       chan struct{} // closed when the last process has been reaped for good
	end        sync.Once
	goroutines sync.WaitGroup

	mu      sync.Mutex
	started bool
	closing bool // no process starts any more
	pods    []*member
	all     []*process // by Owner-1
}

// NewFleet checks the options and starts nothing.
func NewFleet(o Options) (*Fleet, error) {
	if _, err := harness.FindImplementation(o.Implementation); err != nil {
		return nil, fmt.Errorf("new fleet: %w", err)
	}
	if _, err := load.ParseService(o.Service); err != nil {
		return nil, fmt.Errorf("new fleet: %w", err)
	}
	if o.Pods < 1 || o.Spare < 0 {
		return nil, fmt.Errorf("new fleet: %d pods, %d spare, want at least 1 and 0", o.Pods, o.Spare)
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("new fleet: find this binary: %w", err)
	}
	f := &Fleet{options: o, executable: executable, forks: make(chan func()), quit: make(chan struct{})}
	for i := range o.Pods + o.Spare {
		f.pods = append(f.pods, &member{fleet: f, name: fmt.Sprintf("pod-%d", i+1)})
	}
	return f, nil
}

// Start starts the first incarnation of every pod that is no spare one. On an
// error none is left.
func (f *Fleet) Start(ctx context.Context) error {
	f.mu.Lock()
	if f.started || f.closing {
		f.mu.Unlock()
		return errors.New("start fleet: it was started or ended before")
	}
	f.started = true
	f.goroutines.Go(f.forkLoop)
	f.goroutines.Go(f.memoryLoop)
	f.mu.Unlock()
	for _, p := range f.pods[:f.options.Pods] {
		if err := p.Start(ctx); err != nil {
			return errors.Join(err, f.Kill())
		}
	}
	return nil
}

// Pods are the pods, spare ones last, for faults.
func (f *Fleet) Pods() []harness.Pod {
	var pods []harness.Pod
	for _, p := range f.pods {
		pods = append(pods, p)
	}
	return pods
}

// Stop ends the fleet in good order: SIGTERM to all, and SIGKILL to those that
// live when ctx ends, whose names it returns: a consumer that does not stop is
// no error of the fleet.
func (f *Fleet) Stop(ctx context.Context) (killed []string, err error) {
	living := f.close()
	for _, p := range living {
		p.terminate(f.options.Clock.Now())
	}
	for _, p := range living {
		select {
		case <-p.reaped:
		case <-ctx.Done():
		}
	}
	for _, p := range living {
		select {
		case <-p.reaped:
		default:
			killed = append(killed, p.record.Pod)
		}
	}
	return killed, f.Kill()
}

// Kill ends the fleet at once by SIGKILL and returns when every process has
// been reaped and every goroutine has ended. It may be called while Stop runs,
// and again.
func (f *Fleet) Kill() error {
	living := f.close()
	for _, p := range living {
		p.kill()
	}
	deadline := time.NewTimer(reapTimeout)
	defer deadline.Stop()
	for _, p := range living {
		select {
		case <-p.reaped:
		case <-deadline.C:
			return fmt.Errorf("kill fleet: %s (process %d) still there %s after SIGKILL", p.record.Pod, p.os.Pid, reapTimeout)
		}
	}
	f.end.Do(func() { close(f.quit) })
	f.goroutines.Wait()
	return nil
}

// close lets no process start any more and returns those that live.
func (f *Fleet) close() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing = true
	return f.living()
}

// living are the processes not reaped yet. The caller holds mu.
func (f *Fleet) living() (living []*process) {
	for _, p := range f.all {
		if p.record.Down == 0 {
			living = append(living, p)
		}
	}
	return living
}

// Incarnations are all incarnations so far, by Owner.
func (f *Fleet) Incarnations() []Incarnation {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Incarnation
	for _, p := range f.all {
		all = append(all, p.snapshot())
	}
	return all
}

// Usage is what each pod that was started used so far. CPU counts ended incarnations; MaxRSS is
// the largest of all, sampled, 0 where the system does not tell. Exit and Stderr
// are of the last incarnation that ended unasked.
func (f *Fleet) Usage() []harness.PodReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	var reports []harness.PodReport
	for _, m := range f.pods {
		if m.starts == 0 && f.started {
			continue
		}
		r := harness.PodReport{Name: m.name, Incarnations: m.starts}
		for _, p := range f.all {
			if p.record.Pod != m.name {
				continue
			}
			r.CPU += p.cpu
			r.MaxRSS = max(r.MaxRSS, p.peak)
			if p.record.Down != 0 && !p.record.Asked {
				r.Exit, r.Stderr = p.record.Exit, p.output.String()
			}
		}
		reports = append(reports, r)
	}
	return reports
}

// onForker calls fork on the thread that starts processes.
func (f *Fleet) onForker(fork func() error) error {
	done := make(chan error)
	select {
	case f.forks <- func() { done <- fork() }:
		return <-done
	case <-f.quit:
		return errors.New("the fleet has ended")
	}
}

// forkLoop keeps one thread to itself for as long as the fleet lives: the
// kernel kills a pod when the thread that forked it ends.
func (f *Fleet) forkLoop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case fork := <-f.forks:
			fork()
		case <-f.quit:
			return
		}
	}
}

func (f *Fleet) memoryLoop() {
	ticker := time.NewTicker(memoryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-f.quit:
			return
		}
		f.mu.Lock()
		living := f.living()
		f.mu.Unlock()
		for _, p := range living {
			p.sampleMemory()
		}
	}
}
