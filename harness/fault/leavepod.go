package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// LeavePod asks a pod to end, as a deployment does: the first in a random order
// that owns partitions. It affects these partitions. Its heal starts the next
// incarnation.
type LeavePod struct{}

// Name implements [harness.Fault].
func (LeavePod) Name() string { return "pod leaves" }

// Inject implements [harness.Fault]. It waits until the pod has finished its
// work. With an error it also returns the heal if the pod may be down.
func (LeavePod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	l, ok := pod.(harness.Leaver)
	if !ok {
		return nil, fmt.Errorf("%s cannot be asked to leave", pod.Name())
	}
	if err := l.Stop(ctx); err != nil {
		return restart(pod), err
	}
	return restart(pod), nil
}

// Verify checks that the pod has ended.
func (LeavePod) Verify(_ context.Context, env *harness.Env) error { return checkEnded(env) }

var _ harness.Fault = LeavePod{}

var _ = registerFault(Known{
	Fault: LeavePod{}, What: "A pod is asked to end, as by a deployment, and starts again.", By: "SIGTERM; in virtual time the end of its context",
	Removes: APod, Lasts: between(time.Second, 2),
})
