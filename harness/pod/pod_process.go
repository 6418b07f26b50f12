package pod

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// processPod is a pod of a [Fleet].
type processPod struct{ *pod[*process] }

var (
	_ harness.Pod    = processPod{}
	_ harness.Pauser = processPod{}
	_ harness.Leaver = processPod{}
	_ harness.Prober = processPod{}

	_ harness.WorkHolder = processPod{}
)

// HoldWork implements [harness.WorkHolder].
func (pp processPod) HoldWork(ctx context.Context, at harness.WorkPoint) (release func(), err error) {
	p, err := pp.livingInstance()
	if err == nil {
		release, err = holdWork(ctx, p.reaped, func(reached func()) func() { return p.holdWork(at, reached) })
	}
	if err != nil {
		return nil, fmt.Errorf("hold work of %s: %w", pp.name, err)
	}
	return release, nil
}

// Pause implements [harness.Pauser]: it sends SIGSTOP to the process group of the pod
// and waits until all threads of the pod are stopped.
func (pp processPod) Pause(ctx context.Context) error {
	p, err := pp.livingInstance()
	if err != nil {
		return fmt.Errorf("pause %s: %w", pp.name, err)
	}
	p.pauseGroup()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !allThreadsStopped(p.os.Pid) {
		select {
		case <-poll.C:
		case <-p.reaped:
			return fmt.Errorf("pause %s: it has ended: %s", pp.name, p.record.Exit)
		case <-ctx.Done():
			return fmt.Errorf("pause %s: wait for its threads to stop: %w", pp.name, context.Cause(ctx))
		}
	}
	return nil
}

// Resume implements [harness.Pauser], by SIGCONT.
func (pp processPod) Resume(context.Context) error {
	pp.pods.mu.Lock()
	defer pp.pods.mu.Unlock()
	if pp.starts > 0 {
		pp.last.resumeGroup()
	}
	return nil
}

// Paused implements [harness.Prober]. A pod with a CPU limit stands still nearly all the time.
func (pp processPod) Paused() bool {
	p, err := pp.livingInstance()
	return err == nil && (p.isLimited() || allThreadsStopped(p.os.Pid))
}
