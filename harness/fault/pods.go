package fault

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// owner picks the pod to strike, and sets the Hit: the first, in an order drawn
// at random, that owns partitions and goes. One that was struck before and is
// dead or stands still can own partitions until its session is over.
func owner(env *harness.Env) (harness.Pod, error) {
	owners := env.Group.Owners()
	// All pods are put in order, not just the owners, so that the draw takes
	// the same from Rand whoever owns what.
	for _, i := range env.Rand.Perm(len(env.Pods)) {
		pod := env.Pods[i]
		owned := ownedBy(pod.Name(), owners)
		if len(owned) == 0 || !goes(pod) {
			continue
		}
		env.Hit = harness.Hit{Target: pod.Name(), Partitions: owned, Pod: pod.Name()}
		return pod, nil
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

// goes reports whether the pod runs and does not stand still, if it can say so.
func goes(pod harness.Pod) bool {
	p, ok := pod.(harness.Prober)
	return !ok || p.Running() && !p.Paused()
}

// runs reports whether the pod runs, as far as it can say so.
func runs(pod harness.Pod) bool {
	p, ok := pod.(harness.Prober)
	return ok && p.Running()
}

// startAgain is the heal of what ended the pod. There is nothing to do if another
// fault started it.
func startAgain(pod harness.Pod) func(context.Context) error {
	return func(ctx context.Context) error {
		if runs(pod) {
			return nil
		}
		return pod.Start(ctx)
	}
}
