package fault

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// JoinPod starts the first spare pod of the scenario that does not run. It
// affects all partitions, since any may change its owner. Its heal asks the pod
// to leave.
type JoinPod struct{}

// Name implements [harness.Fault].
func (JoinPod) Name() string { return "pod joins" }

// Inject implements [harness.Fault].
func (JoinPod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	spare := env.Pods[len(env.Pods)-env.Spare:]
	i := slices.IndexFunc(spare, func(p harness.Pod) bool { return !isRunning(p) })
	if i < 0 {
		return nil, fmt.Errorf("all of %d spare pods run", env.Spare)
	}
	pod := spare[i]
	l, ok := pod.(harness.Leaver)
	if !ok {
		return nil, fmt.Errorf("%s cannot be asked to leave", pod.Name())
	}
	env.Target = harness.Target{Name: pod.Name(), None: true}
	for p := range env.Group.Owners() {
		env.Target.Partitions = append(env.Target.Partitions, int32(p))
	}
	if err := pod.Start(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if !isRunning(pod) { // another fault ended it
			return nil
		}
		return l.Stop(ctx)
	}, nil
}

// Verify checks that the pod runs. The group decides when the pod becomes a
// member; it may have to wait for a paused pod.
func (JoinPod) Verify(_ context.Context, env *harness.Env) error {
	for _, pod := range env.Pods {
		if pod.Name() == env.Target.Name && !isRunning(pod) {
			return fmt.Errorf("%s has ended again", pod.Name())
		}
	}
	return nil
}

var _ harness.Fault = JoinPod{}

var _ = registerFault(Known{
	Fault: JoinPod{}, What: "A spare pod starts, and leaves again.", By: "one more process; in virtual time its goroutines",
	Removes: ASpare, Lasts: between(time.Second, 3),
	Scenario: func(s *harness.Scenario) { s.Spare = 1 },
})
