package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// PausePod pauses a pod: the first in a random order that owns partitions. It
// affects these partitions. After a pause longer than its session the pod is
// expelled, does not know it, and wakes up as a zombie. Its heal resumes the
// pod.
type PausePod struct{}

// Name implements [harness.Fault].
func (PausePod) Name() string { return "pause pod" }

// Inject implements [harness.Fault]. With an error it also returns the heal if
// the pod may be paused.
func (PausePod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	p, ok := pod.(harness.Pauser)
	if !ok {
		return nil, fmt.Errorf("%s cannot be paused", pod.Name())
	}
	if err := p.Pause(ctx); err != nil {
		return p.Resume, err
	}
	return p.Resume, nil
}

// Verify checks that the pod is paused.
func (PausePod) Verify(_ context.Context, env *harness.Env) error {
	for _, pod := range env.Pods {
		if p, ok := pod.(harness.Prober); ok && pod.Name() == env.Target.Pod && !p.Paused() {
			return fmt.Errorf("%s is still running", pod.Name())
		}
	}
	return nil
}

var _ harness.Fault = PausePod{}

var _ = registerFault(Known{
	Fault: PausePod{}, What: "A pod stands still, and goes on.", By: "SIGSTOP and SIGCONT; in virtual time its work and its connections wait",
	Removes: APod, Lasts: between(500*time.Millisecond, 2),
})
