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
	owners := env.Group.Owners()
	// All pods are put in order, not just the owners, so that the draw takes
	// the same from Rand whoever owns what.
	for _, i := range env.Rand.Perm(len(env.Pods)) {
		pod := env.Pods[i]
		owned := ownedBy(pod.Name(), owners)
		if len(owned) == 0 {
			continue
		}
		env.Hit = harness.Hit{Target: pod.Name(), Partitions: owned, Pod: pod.Name()}
		if err := pod.Kill(ctx); err != nil {
			return pod.Start, fmt.Errorf("kill %s: %w", pod.Name(), err)
		}
		return pod.Start, nil
	}
	return nil, fmt.Errorf("none of %d pods owns a partition", len(env.Pods))
}

func ownedBy(pod string, owners []string) (partitions []int32) {
	for p, owner := range owners {
		if owner == pod {
			partitions = append(partitions, int32(p))
		}
	}
	return partitions
}

var _ harness.Fault = KillPod{}
