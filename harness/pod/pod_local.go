package pod

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// localPod is a pod of a [Local].
type localPod struct{ *pod[*goroutineInstance] }

var (
	_ harness.Pod    = localPod{}
	_ harness.Pauser = localPod{}
	_ harness.Leaver = localPod{}
	_ harness.Prober = localPod{}

	_ harness.WorkHolder = localPod{}
)

// HoldWork implements [harness.WorkHolder].
func (lp localPod) HoldWork(ctx context.Context, at harness.WorkPoint) (release func(), err error) {
	in, err := lp.livingInstance()
	if err == nil {
		release, err = holdWork(ctx, in.ended, func(reached func()) func() { return in.shim.hold.arm(at, reached).release })
	}
	if err != nil {
		return nil, fmt.Errorf("hold work of %s: %w", lp.name, err)
	}
	return release, nil
}

// Pause implements [harness.Pauser]. After its return the pod sends nothing to its
// brokers and writes nothing into its journal. The timers of the consumer go on; what
// they start waits until the pod resumes.
func (lp localPod) Pause(context.Context) error {
	in, err := lp.livingInstance()
	if err != nil {
		return fmt.Errorf("pause %s: %w", lp.name, err)
	}
	in.pauseWork()
	return nil
}

// Resume implements [harness.Pauser].
func (lp localPod) Resume(context.Context) error {
	if in, err := lp.livingInstance(); err == nil {
		in.resumeWork()
	}
	return nil
}

// Paused implements [harness.Prober].
func (lp localPod) Paused() bool {
	in, err := lp.livingInstance()
	return err == nil && in.isPaused()
}
