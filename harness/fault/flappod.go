package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// FlapPod lets one pod die and come back again and again, as a crash loop does: the first in a
// random order that owns partitions. The pod is back at the end. The fault takes as long as all of
// that takes. It affects all partitions, since each change of the group may move any. It has a
// heal only if it failed half-way.
type FlapPod struct {
	Times    int           // Times is how often the pod ends.
	Up, Down time.Duration // Up and Down are how long it runs, and how long it is away.
	Leave    bool          // Leave: it is asked to leave, so that it leaves its group each time. Otherwise it is killed.
}

// Name implements [harness.Fault].
func (f FlapPod) Name() string {
	if f.Leave {
		return "pod leaves and comes back in a loop"
	}
	return "pod crashes in a loop"
}

// Inject implements [harness.Fault].
func (f FlapPod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	env.Target.Partitions = allPartitions(len(env.Group.Owners()))
	ended := 0
	env.Effects = func() int { return ended }
	for ended < f.Times {
		if ended > 0 && !sleep(ctx, f.Up) {
			return nil, context.Cause(ctx)
		}
		if f.Leave {
			err = replacePod(ctx, pod, f.Down)
		} else {
			err = crashPod(ctx, pod, f.Down)
		}
		if err != nil {
			return restart(pod), err
		}
		ended++
	}
	return nil, nil
}

// Verify checks that the pod has ended and runs again.
func (f FlapPod) Verify(_ context.Context, env *harness.Env) error {
	if n := env.Effects(); n == 0 || n < f.Times {
		return fmt.Errorf("the pod ended %d times, not %d", n, f.Times)
	}
	for _, pod := range env.Pods {
		if pod.Name() == env.Target.Pod && !isRunning(pod) {
			return errors.New(pod.Name() + " has not come back")
		}
	}
	return nil
}

// crashPod kills a pod and starts its next incarnation after a time.
func crashPod(ctx context.Context, pod harness.Pod, down time.Duration) error {
	if err := pod.Kill(ctx); err != nil {
		return err
	}
	if !sleep(ctx, down) {
		return context.Cause(ctx)
	}
	return pod.Start(ctx)
}

var _ harness.Fault = FlapPod{}

var _ = registerFault(
	Known{
		Fault: FlapPod{Times: 3, Up: time.Second, Down: 500 * time.Millisecond}, What: "One pod ends and starts again several times.",
		By: "SIGKILL; in virtual time its goroutines stop", Removes: APod, LeftOut: "no other fault can begin before its end", Scenario: alone,
	},
	Known{
		Fault: FlapPod{Times: 3, Up: time.Second, Down: 500 * time.Millisecond, Leave: true}, What: "One pod is asked to end and starts again several times.",
		By: "SIGTERM; in virtual time the end of its context", Removes: APod, LeftOut: "no other fault can begin before its end", Scenario: alone,
	},
)
