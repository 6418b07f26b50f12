package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// RollPods deploys a new version: one pod after the other leaves and comes back. It takes as
// long as all of that takes. It affects all partitions, since any may change its owner. It has
// a heal only if it failed half-way.
type RollPods struct {
	Down  time.Duration // Down is how long each pod is away.
	Pause time.Duration // Pause is the time from the start of a pod to the end of the next one.
}

// Name implements [harness.Fault].
func (RollPods) Name() string { return "rolling deploy" }

// Inject implements [harness.Fault]. It leaves out pods that do not run, and spare ones.
func (f RollPods) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	env.Target = harness.Target{Name: "all pods in turn", Partitions: allPartitions(len(env.Group.Owners())), None: true}
	rolled := 0
	env.Effects = func() int { return rolled }
	for _, pod := range env.Pods[:len(env.Pods)-env.Spare] {
		if !isRunning(pod) {
			continue
		}
		if rolled > 0 && !sleep(ctx, f.Pause) {
			return nil, context.Cause(ctx)
		}
		if err := replacePod(ctx, pod, f.Down); err != nil {
			return restart(pod), err
		}
		rolled++
	}
	return nil, nil
}

// Verify checks that pods were replaced, and that they run.
func (RollPods) Verify(_ context.Context, env *harness.Env) error {
	if env.Effects() == 0 {
		return errors.New("no pod was running")
	}
	for _, pod := range env.Pods[:len(env.Pods)-env.Spare] {
		if !isRunning(pod) {
			return fmt.Errorf("%s has not come back", pod.Name())
		}
	}
	return nil
}

// replacePod asks a pod to leave and starts its next incarnation after a time.
func replacePod(ctx context.Context, pod harness.Pod, down time.Duration) error {
	l, ok := pod.(harness.Leaver)
	if !ok {
		return fmt.Errorf("%s cannot be asked to leave", pod.Name())
	}
	if err := l.Stop(ctx); err != nil {
		return err
	}
	if !sleep(ctx, down) {
		return context.Cause(ctx)
	}
	return pod.Start(ctx)
}

var _ harness.Fault = RollPods{}

var _ = registerFault(Known{
	Fault: RollPods{Down: 500 * time.Millisecond, Pause: time.Second}, What: "One pod after the other is asked to end and starts again, as in a deployment.",
	By: "SIGTERM; in virtual time the end of its context", Removes: APod, LeftOut: "no other fault can begin before its end", Scenario: alone,
})
