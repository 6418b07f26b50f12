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
)

const (
	memoryInterval = 250 * time.Millisecond
	// reapTimeout bounds the wait for a process after SIGKILL, which only an
	// uninterruptible system call can delay.
	reapTimeout = 10 * time.Second
)

// Fleet is the pods of a run. Kill must be called in the end, on every path.
// Safe for many goroutines.
type Fleet struct {
	roster[*process]
	executable string
	forks      chan func()   // to the one thread that starts processes
	quit       chan struct{} // closed when the last process has been reaped for good
	end        sync.Once
	goroutines sync.WaitGroup
}

// NewFleet checks the options and starts nothing.
func NewFleet(o Options) (*Fleet, error) {
	if _, err := o.check(); err != nil {
		return nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("new fleet: find this binary: %w", err)
	}
	f := &Fleet{executable: executable, forks: make(chan func()), quit: make(chan struct{})}
	f.options, f.launch = o, f.fork
	f.fill()
	return f, nil
}

// Start starts the first incarnation of every pod that is no spare one. On an
// error none is left.
func (f *Fleet) Start(ctx context.Context) error {
	err := f.begin(func() {
		f.goroutines.Go(f.forkLoop)
		f.goroutines.Go(f.memoryLoop)
	})
	if err != nil {
		return err
	}
	if err := f.startAll(ctx); err != nil {
		return errors.Join(err, f.Kill())
	}
	return nil
}

// Pods are the pods, spare ones last, for faults.
func (f *Fleet) Pods() []harness.Pod {
	var pods []harness.Pod
	for _, s := range f.seats {
		pods = append(pods, child{s})
	}
	return pods
}

// Stop ends the fleet in good order: SIGTERM to all, and SIGKILL to those that
// live when ctx ends, whose names it returns: a consumer that does not stop is
// no error of the fleet.
func (f *Fleet) Stop(ctx context.Context) (killed []string, err error) {
	killed = f.stop(ctx)
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

// fork begins an incarnation. The caller holds mu.
func (f *Fleet) fork(spec Spec) (p *process, err error) {
	up := f.options.Clock.Now() // before the fork: nothing the pod does is earlier
	err = f.onForker(func() (err error) {
		p, err = spawn(f.executable, spec, f.options.Clock, &f.mu)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.record = spec.incarnation(up)
	f.goroutines.Go(func() {
		ended := p.wait()
		if !ended.Asked && f.options.Exited != nil {
			f.options.Exited(ended)
		}
	})
	return p, nil
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
