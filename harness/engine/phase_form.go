package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// formTimeout is how long the pods may take to own all partitions.
const formTimeout = 30 * time.Second

// formedGroup is the group before the load.
type formedGroup struct {
	formed  bool
	changes int // changes of the group up to then
}

// formGroup starts the pods and waits until they share the partitions.
func formGroup(ctx context.Context, s *setup) (formedGroup, error) {
	s.closers.addCloser(s.work.closeJournals)
	s.closers.addCloser(s.fleet.Kill)
	if err := s.fleet.Start(ctx); err != nil {
		return formedGroup{}, err
	}
	return awaitGroup(ctx, s)
}

// awaitGroup waits until the group is complete and has been at rest for a while.
func awaitGroup(ctx context.Context, s *setup) (formedGroup, error) {
	within, cancel := context.WithTimeout(ctx, formTimeout)
	defer cancel()
	m := membership{s.watcher, s.Consumer.Implementation.Share, min(s.Scenario.Pods, s.Scenario.Partitions), s.Scenario.Partitions}
	var lastChange int
	since := time.Now()
	for within.Err() == nil {
		if err := s.incidents.checkNoExit(); err != nil {
			return formedGroup{}, err
		}
		changes := s.watcher.Changes()
		if _, complete := m.countMembers(); !complete || changes != lastChange {
			since, lastChange = time.Now(), changes
		}
		if time.Since(since) > m.restTime(s.cfg.Heartbeat) {
			return formedGroup{true, changes}, nil
		}
		s.reporter.reportAndWait(within, "forming", pollInterval, nil)
	}
	if err := ctx.Err(); err != nil {
		return formedGroup{}, err
	}
	joined, _ := m.countMembers()
	s.incidents.breakAssumption(oracle.GroupFormed, fmt.Sprintf("after %v only %d of %d pods own partitions, or are members of the share group", formTimeout, joined, m.pods))
	return formedGroup{}, nil
}

// membership tells whether the group is complete.
type membership struct {
	watcher    *observe.Watcher
	share      bool
	pods       int // pods that can own a partition
	partitions int
}

// countMembers is the number of pods that take part, and whether the group is complete. A
// group is complete when its members own all partitions. The partitions of a share group
// have no owners: it is complete when it has enough members and they fetch from all partitions.
func (m membership) countMembers() (pods int, complete bool) {
	if m.share {
		pods = len(m.watcher.Joined())
		return pods, pods >= m.pods && m.watcher.FetchedPartitions() >= m.partitions
	}
	pods, complete = countOwners(m.watcher.Owners()[:m.partitions])
	return pods, complete && pods >= m.pods
}

// restTime is how long a complete group must not have changed. A member of a share group
// learns its partitions from a heartbeat, and the broker starts with its first fetch.
// Members of other groups have started when they own their partitions.
func (m membership) restTime(heartbeat time.Duration) time.Duration {
	if m.share {
		return 2 * heartbeat
	}
	return heartbeat / 2
}

// countOwners is the number of pods that own partitions, and whether each partition has
// an owner.
func countOwners(owners []string) (pods int, complete bool) {
	distinct := map[string]bool{}
	complete = true
	for _, o := range owners {
		if o == "" {
			complete = false
			continue
		}
		distinct[o] = true
	}
	return len(distinct), complete
}
