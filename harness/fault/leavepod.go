package fault

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// LeavePod asks a pod to end, as a deployment does: the first, in an order drawn
// at random, that owns partitions. Affected are those. It heals by starting the
// pod's next incarnation.
type LeavePod struct{}

// Name implements [harness.Fault].
func (LeavePod) Name() string { return "pod leaves" }

// Inject implements [harness.Fault]. It takes as long as the pod needs to finish
// its work. Together with an error it returns the heal if the pod may be down.
func (LeavePod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := owner(ctx, env)
	if err != nil {
		return nil, err
	}
	l, ok := pod.(harness.Leaver)
	if !ok {
		return nil, fmt.Errorf("%s cannot be asked to leave", pod.Name())
	}
	if err := l.Stop(ctx); err != nil {
		return startAgain(pod), err
	}
	return startAgain(pod), nil
}

var _ harness.Fault = LeavePod{}
