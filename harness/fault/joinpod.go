package fault

import (
	"context"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
)

// JoinPod starts a spare pod of the scenario, the first that does not run.
// Affected are all partitions: any may change hands. It heals, if it does, by
// asking the pod to leave.
type JoinPod struct{}

// Name implements [harness.Fault].
func (JoinPod) Name() string { return "pod joins" }

// Inject implements [harness.Fault].
func (JoinPod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	spare := env.Pods[len(env.Pods)-env.Spare:]
	i := slices.IndexFunc(spare, func(p harness.Pod) bool { return !runs(p) })
	if i < 0 {
		return nil, fmt.Errorf("all of %d spare pods run", env.Spare)
	}
	pod := spare[i]
	l, ok := pod.(harness.Leaver)
	if !ok {
		return nil, fmt.Errorf("%s could not be asked to leave again", pod.Name())
	}
	env.Target = harness.Target{Name: pod.Name(), None: true}
	for p := range env.Group.Owners() {
		env.Target.Partitions = append(env.Target.Partitions, int32(p))
	}
	if err := pod.Start(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if !runs(pod) { // another fault ended it
			return nil
		}
		return l.Stop(ctx)
	}, nil
}

// Verify asks whether the pod runs. When the group lets it in is up to the group,
// which may be waiting for a pod that stands still.
func (JoinPod) Verify(_ context.Context, env *harness.Env) error {
	for _, pod := range env.Pods {
		if pod.Name() == env.Target.Name && !runs(pod) {
			return fmt.Errorf("%s has ended again", pod.Name())
		}
	}
	return nil
}

var _ harness.Verifier = JoinPod{}
