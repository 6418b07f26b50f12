package fault

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// KillPod ends a pod by SIGKILL: the first, in an order drawn at random, that
// owns partitions. Affected are those. It heals by starting the pod's next
// incarnation.
type KillPod struct{}

// Name implements [harness.Fault].
func (KillPod) Name() string { return "kill pod" }

// Inject implements [harness.Fault]. Together with an error it returns the heal
// if the pod may be down.
func (KillPod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := owner(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := pod.Kill(ctx); err != nil {
		return startAgain(pod), fmt.Errorf("kill %s: %w", pod.Name(), err)
	}
	return startAgain(pod), nil
}

var _ harness.Fault = KillPod{}
