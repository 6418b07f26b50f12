package fault

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// PausePod has a pod stand still: the first, in an order drawn at random, that
// owns partitions. Affected are those. Longer than the session it is expelled
// without learning of it, and wakes up as a zombie. It heals by having the pod
// go on.
type PausePod struct{}

// Name implements [harness.Fault].
func (PausePod) Name() string { return "pause pod" }

// Inject implements [harness.Fault]. Together with an error it returns the heal
// if the pod may stand still.
func (PausePod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := owner(ctx, env)
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

// Verify asks the pod whether it stands still.
func (PausePod) Verify(_ context.Context, env *harness.Env) error {
	for _, pod := range env.Pods {
		if p, ok := pod.(harness.Prober); ok && pod.Name() == env.Target.Pod && !p.Paused() {
			return fmt.Errorf("%s goes on", pod.Name())
		}
	}
	return nil
}

var _ harness.Verifier = PausePod{}
