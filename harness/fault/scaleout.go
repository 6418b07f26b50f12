package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// ScaleOut starts several spare pods at once, as an autoscaler does. It affects all partitions,
// since any may change its owner. Its heal is the scale-in: it asks these pods to leave, all at
// once.
type ScaleOut struct {
	Pods int // Pods is how many start; 0 is all spare pods that do not run.
}

// Name implements [harness.Fault].
func (ScaleOut) Name() string { return "scale out" }

// Inject implements [harness.Fault]. With an error it also returns the heal of what it started.
func (f ScaleOut) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	var idle []harness.Pod
	for _, pod := range env.Pods[len(env.Pods)-env.Spare:] {
		if _, ok := pod.(harness.Leaver); ok && !isRunning(pod) && (f.Pods == 0 || len(idle) < f.Pods) {
			idle = append(idle, pod)
		}
	}
	if len(idle) == 0 || len(idle) < f.Pods {
		return nil, fmt.Errorf("%d of %d spare pods can start, want %d", len(idle), env.Spare, max(f.Pods, 1))
	}
	env.Target = harness.Target{Name: fmt.Sprintf("%d more pods", len(idle)), Partitions: allPartitions(len(env.Group.Owners())), None: true}
	env.Effects = func() (running int) {
		for _, pod := range idle {
			if isRunning(pod) {
				running++
			}
		}
		return running
	}
	heal = func(ctx context.Context) error { return stopPods(ctx, idle) }
	for _, pod := range idle {
		if err := pod.Start(ctx); err != nil {
			return heal, err
		}
	}
	return heal, nil
}

// Verify checks that the pods run. The group decides when they become members.
func (f ScaleOut) Verify(_ context.Context, env *harness.Env) error {
	if n := env.Effects(); n < max(f.Pods, 1) {
		return fmt.Errorf("%d of the pods run", n)
	}
	return nil
}

// stopPods asks pods to leave, all at once. It leaves out those that do not run.
func stopPods(ctx context.Context, pods []harness.Pod) error {
	errs := make(chan error, len(pods))
	for _, pod := range pods {
		go func() {
			if !isRunning(pod) { // another fault ended it
				errs <- nil
				return
			}
			errs <- pod.(harness.Leaver).Stop(ctx)
		}()
	}
	var all error
	for range pods {
		all = errors.Join(all, <-errs)
	}
	return all
}

var _ harness.Fault = ScaleOut{}

var _ = registerFault(Known{
	Fault: ScaleOut{}, What: "All spare pods start at once, and leave at once.", By: "more processes; in virtual time their goroutines",
	Removes: ASpare, LeftOut: "pods that join one by one are part of it already",
	Scenario: func(s *harness.Scenario) { s.Spare = 2 },
})
