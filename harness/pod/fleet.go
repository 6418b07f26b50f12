package pod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

const (
	memoryInterval = 250 * time.Millisecond
	// reapTimeout limits the wait for a process after SIGKILL. Only an uninterruptible
	// system call can delay its end.
	reapTimeout = 10 * time.Second
)

// Fleet is the pods of a run as child processes. The caller must call Kill at the end,
// on every path. Safe for many goroutines.
type Fleet struct {
	pods[*process]
	executable string
	forks      chan func()   // to the one thread that starts processes
	quit       chan struct{} // closed when the last process has been reaped
	end        sync.Once
	goroutines sync.WaitGroup
}

// NewFleet checks the options and starts nothing.
func NewFleet(o Options) (*Fleet, error) {
	if _, err := o.validateOptions(); err != nil {
		return nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("new fleet: find this binary: %w", err)
	}
	f := &Fleet{executable: executable, forks: make(chan func()), quit: make(chan struct{})}
	f.options, f.launch = o, f.forkInstance
	f.createPods()
	return f, nil
}

// Start starts the first incarnation of every pod except the spare ones. After an
// error no pod runs.
func (f *Fleet) Start(ctx context.Context) error {
	err := f.markStarted(func() {
		f.goroutines.Go(f.forkLoop)
		f.goroutines.Go(f.memoryLoop)
	})
	if err != nil {
		return err
	}
	if err := f.startPods(ctx); err != nil {
		return errors.Join(err, f.Kill())
	}
	return nil
}

// Pods are the pods as faults see them, spare ones last.
func (f *Fleet) Pods() []harness.Pod {
	var pods []harness.Pod
	for _, s := range f.list {
		pods = append(pods, processPod{s})
	}
	return pods
}

// Stop ends the fleet orderly: SIGTERM to all pods, and SIGKILL to those that still run
// when ctx ends. It returns the names of the killed pods: a consumer that does not stop
// is no error of the fleet.
func (f *Fleet) Stop(ctx context.Context) (killed []string, err error) {
	killed = f.stopInstances(ctx)
	return killed, f.Kill()
}

// Kill ends the fleet at once by SIGKILL, with all that its consumers have started. It
// returns when every process is reaped and every goroutine has ended. It may be called
// while Stop runs, and more than once.
func (f *Fleet) Kill() error {
	living := f.refuseStarts()
	for _, p := range living {
		p.killNow()
	}
	deadline := time.NewTimer(reapTimeout)
	defer deadline.Stop()
	for _, p := range living {
		select {
		case <-p.reaped:
		case <-deadline.C:
			return fmt.Errorf("kill fleet: %s (process %d) is still there %s after SIGKILL", p.record.Pod, p.os.Pid, reapTimeout)
		}
	}
	f.endStrays(f.allProcesses()...)
	f.end.Do(func() { close(f.quit) })
	f.goroutines.Wait()
	return nil
}

// isClosing reports whether the fleet is ending.
func (f *Fleet) isClosing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closing
}

// allProcesses are the incarnations of all pods.
func (f *Fleet) allProcesses() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.instances)
}

// forkInstance starts an incarnation. The caller holds mu.
func (f *Fleet) forkInstance(spec Spec) (p *process, err error) {
	var front harness.Front
	if f.options.OpenFront != nil {
		if front, err = f.options.OpenFront(spec.Config.ClientID()); err != nil {
			return nil, err
		}
		spec.Config.Seeds = front.Seeds()
	}
	up := f.options.Clock.Now() // before the fork, so that nothing in the pod is earlier
	err = f.runOnForker(func() (err error) {
		m := newMark()
		spec.Mark = uint64(m)
		if p, err = startProcess(f.executable, spec, f.options.Clock, &f.mu); err == nil {
			p.mark = m
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, closeFront(front))
	}
	p.record = spec.newIncarnation(up)
	f.goroutines.Go(p.readReports)
	f.goroutines.Go(func() {
		ended := p.reap(func() {
			_ = closeFront(front) // frees ports alone; a commit on its way dies with the process
			if !f.isClosing() {   // Kill ends those of all pods at once
				f.endStrays(p)
			}
		})
		if !ended.Intended && f.options.Exited != nil {
			f.options.Exited(ended)
		}
	})
	return p, nil
}

func closeFront(f harness.Front) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// runOnForker calls fork on the thread that starts all processes.
func (f *Fleet) runOnForker(fork func() error) error {
	done := make(chan error)
	select {
	case f.forks <- func() { done <- fork() }:
		return <-done
	case <-f.quit:
		return errors.New("the fleet has ended")
	}
}

// forkLoop keeps one thread for itself while the fleet runs. The kernel kills a pod
// when the thread that forked it ends.
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
		living := f.livingInstances()
		f.mu.Unlock()
		for _, p := range living {
			p.sampleMemory()
		}
	}
}
