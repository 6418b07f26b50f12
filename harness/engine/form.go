package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness/pod"
)

// formWithin is how long the pods may take to own all partitions.
const formWithin = 30 * time.Second

// form starts the pods and waits until they share the partitions.
func (r *run) form(ctx context.Context) error {
	if err := r.fleet.Start(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, formWithin)
	defer cancel()
	var lastChange int
	since := time.Now()
	for within.Err() == nil {
		if err := r.exited(); err != nil {
			return err
		}
		changes := r.watcher.Changes()
		if _, whole := r.joined(); !whole || changes != lastChange {
			since, lastChange = time.Now(), changes
		}
		if time.Since(since) > r.rest() {
			r.formed = changes
			return nil
		}
		r.tick(within, "forming", every, nil)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	joined, _ := r.joined()
	r.doubt(groupFormed, fmt.Sprintf("%d of %d pods own partitions, or are in the share group, after %v", joined, min(r.Scenario.Pods, r.Scenario.Partitions), formWithin))
	r.start = r.clock.Now()
	return nil
}

// rest is how long a whole group must not have changed. A member of a share group hears
// by its heartbeats what to fetch from, and its first fetch has the broker begin; members
// of others have begun when they have what they own.
func (r *run) rest() time.Duration {
	if r.Consumer.Implementation.Share {
		return 2 * r.cfg.Heartbeat
	}
	return r.cfg.Heartbeat / 2
}

// joined is how many pods share the work, and whether the group is whole: they
// own all partitions between them or, in a share group, in which nobody owns any, are
// enough members and have all partitions to fetch from.
func (r *run) joined() (pods int, whole bool) {
	want := min(r.Scenario.Pods, r.Scenario.Partitions)
	if r.Consumer.Implementation.Share {
		pods = len(r.watcher.Joined())
		return pods, pods >= want && r.watcher.FetchedPartitions() >= r.Scenario.Partitions
	}
	pods, whole = sharing(r.watcher.Owners())
	return pods, whole && pods >= want
}

// sharing is how many pods own partitions, and whether all partitions are owned.
func sharing(owners []string) (pods int, whole bool) {
	distinct := map[string]bool{}
	whole = true
	for _, o := range owners {
		if o == "" {
			whole = false
			continue
		}
		distinct[o] = true
	}
	return len(distinct), whole
}

// exited is the error of a pod that ended by itself, before the group had formed.
func (r *run) exited() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.exits) == 0 {
		return nil
	}
	in := r.exits[0]
	return fmt.Errorf("pod %s ended by itself before the group had formed (%s); it said:\n%s", in.Pod, in.Exit, in.Stderr)
}

// podFault is the error of a pod that could not keep its journal: no fault of
// the consumer's, and nothing to be judged.
func (r *run) podFault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.exits {
		if in.Exit == pod.ExitFault {
			return fmt.Errorf("pod %s could not go on: %s", in.Pod, tail(in.Stderr))
		}
	}
	return nil
}
