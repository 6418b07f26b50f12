package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ownerLimit is how long an owner is waited for: in a rebalance there may be none.
const ownerLimit = 10 * time.Second

// owner picks the pod to strike, and sets the Hit: the first, in an order drawn
// at random, that owns partitions and goes. One that was struck before and is
// dead or stands still can own partitions until its session is over. Spare ones are
// left alone: what made them join makes them leave, and a heal that started one
// again would be in its way. Of a share
// group, any that goes has a share in all.
func owner(ctx context.Context, env *harness.Env) (struck harness.Pod, err error) {
	// All pods are put in order, not just the owners, so that the draw takes
	// the same from Rand whoever owns what.
	order := env.Rand.Perm(len(env.Pods))
	ctx, cancel := context.WithTimeout(ctx, ownerLimit)
	defer cancel()
	err = eventually(ctx, func() error {
		owners := env.Group.Owners()
		for _, i := range order {
			if i >= len(env.Pods)-env.Spare {
				continue
			}
			pod := env.Pods[i]
			owned := ownedBy(pod.Name(), owners)
			if env.Share && runs(pod) {
				owned = all(owners)
			}
			if len(owned) > 0 && goes(pod) {
				struck, env.Target = pod, harness.Target{Name: pod.Name(), Partitions: owned, Pod: pod.Name()}
				return nil
			}
		}
		return fmt.Errorf("none of %d pods owns a partition", len(env.Pods))
	})
	return struck, err
}

func all(owners []string) (partitions []int32) {
	for p := range owners {
		partitions = append(partitions, int32(p))
	}
	return partitions
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
