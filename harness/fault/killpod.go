package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// KillPod ends a pod by SIGKILL: the first in a random order that owns
// partitions. It affects these partitions. Its heal starts the next incarnation.
type KillPod struct{}

// Name implements [harness.Fault].
func (KillPod) Name() string { return "kill pod" }

// Inject implements [harness.Fault]. With an error it also returns the heal if
// the pod may be down.
func (KillPod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := pod.Kill(ctx); err != nil {
		return restart(pod), fmt.Errorf("kill %s: %w", pod.Name(), err)
	}
	return restart(pod), nil
}

// Verify checks that the pod has ended.
func (KillPod) Verify(_ context.Context, env *harness.Env) error { return checkEnded(env) }

var _ harness.Fault = KillPod{}

var _ = registerFault(Known{
	Fault: KillPod{}, What: "A pod ends, and its next incarnation starts.", By: "SIGKILL; in virtual time its goroutines stop",
	Removes: APod, Lasts: between(time.Second, 2), // back before or after its session expires
})
