package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ownerTimeout is how long a fault waits for an owner: during a rebalance there
// may be no owner.
const ownerTimeout = 10 * time.Second

// chooseOwner picks the pod of a fault and sets the Target: the first pod in a
// random order that is active and owns partitions. A pod that an earlier fault
// killed or paused can own partitions until its session is over. Spare pods are
// never chosen: the fault that made them join makes them leave. In a share group
// every running pod shares all partitions.
func chooseOwner(ctx context.Context, env *harness.Env) (chosen harness.Pod, err error) {
	// The order has all pods, not only the owners, so that the draw consumes
	// the same from Rand for every assignment.
	order := env.Rand.Perm(len(env.Pods))
	ctx, cancel := context.WithTimeout(ctx, ownerTimeout)
	defer cancel()
	err = retryUntil(ctx, func() error {
		owners := env.Group.Owners()
		for _, i := range order {
			if i >= len(env.Pods)-env.Spare {
				continue
			}
			pod := env.Pods[i]
			owned := partitionsOf(pod.Name(), owners)
			if env.Share && isRunning(pod) {
				owned = allPartitions(len(owners))
			}
			if len(owned) > 0 && isActive(pod) {
				chosen, env.Target = pod, harness.Target{Name: pod.Name(), Partitions: owned, Pod: pod.Name()}
				return nil
			}
		}
		return fmt.Errorf("no pod of %d owns a partition", len(env.Pods))
	})
	return chosen, err
}

// allPartitions are the partitions below n.
func allPartitions(n int) (partitions []int32) {
	for p := range int32(n) {
		partitions = append(partitions, p)
	}
	return partitions
}

func partitionsOf(pod string, owners []string) (partitions []int32) {
	for p, owner := range owners {
		if owner == pod {
			partitions = append(partitions, int32(p))
		}
	}
	return partitions
}

// isActive reports whether the pod runs and is not paused, as far as it can
// tell.
func isActive(pod harness.Pod) bool {
	p, ok := pod.(harness.Prober)
	return !ok || p.Running() && !p.Paused()
}

// isRunning reports whether the pod runs, as far as it can tell.
func isRunning(pod harness.Pod) bool {
	p, ok := pod.(harness.Prober)
	return ok && p.Running()
}

// awaitEffect waits until a fault on the wire has changed a frame. Its error is none.
func awaitEffect(ctx context.Context, env *harness.Env, none string) error {
	return retryUntil(ctx, func() error {
		if env.Effects() == 0 {
			return errors.New(none)
		}
		return nil
	})
}

// checkEnded checks that the pod of a fault does not run.
func checkEnded(env *harness.Env) error {
	for _, pod := range env.Pods {
		if pod.Name() == env.Target.Pod && isRunning(pod) {
			return fmt.Errorf("%s is still running", pod.Name())
		}
	}
	return nil
}

// restart returns the heal of a fault that ended the pod. It does nothing if
// another fault started the pod already.
func restart(pod harness.Pod) func(context.Context) error {
	return func(ctx context.Context) error {
		if isRunning(pod) {
			return nil
		}
		return pod.Start(ctx)
	}
}

// requireProcesses returns an error if the pods of a cluster are no processes of their own.
// They are goroutines of the harness where only a dialer in this process reaches the cluster.
func requireProcesses(c harness.Cluster) error {
	if _, ok := c.(harness.Dialer); ok {
		return errors.New("pods of this back end are goroutines of the harness, without memory and processors of their own")
	}
	return nil
}
