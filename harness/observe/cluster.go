package observe

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Every how long a group is described: by the cluster itself, or over the network.
const (
	lookEvery     = 20 * time.Millisecond
	describeEvery = 200 * time.Millisecond
)

// watchCluster watches by the cluster's own eyes.
func (w *Watcher) watchCluster(commits harness.CommitObserver, groups harness.GroupObserver) error {
	stopCommits, err := commits.ObserveCommits(w.cfg.Client.Group, w.cfg.Client.Topic, w.commit)
	if err != nil {
		return err
	}
	stopLooking := w.look(cmp.Or(w.cfg.Look, lookEvery), func(ctx context.Context) (harness.Group, error) {
		return groups.DescribeGroup(ctx, w.cfg.Client.Group, w.cfg.Client.Topic)
	})
	w.stop = func(context.Context) error {
		stopLooking()
		stopCommits()
		return nil
	}
	return nil
}

// look describes the group at an interval until the returned stop is called.
// What changed between two looks happened after the first was asked for and
// before the second was answered.
func (w *Watcher) look(every time.Duration, describe func(context.Context) (harness.Group, error)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		earliest := w.cfg.Clock.Now()
		lastSeen := earliest // of any answer; earliest is of a settled group
		for ctx.Err() == nil {
			asked := w.cfg.Clock.Now()
			g, err := describe(ctx)
			seen := w.cfg.Clock.Now()
			if err == nil {
				w.gap(time.Duration(seen - lastSeen))
				lastSeen = seen
				if w.settled(g) {
					w.snapshot(g, earliest, seen)
					earliest = asked
				}
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		w.gap(time.Duration(w.cfg.Clock.Now() - lastSeen))
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// settled reports whether a snapshot says who owns what. A classic group shows
// no assignments, or old ones, while it rebalances.
func (w *Watcher) settled(g harness.Group) bool {
	return w.cfg.Protocol == harness.Server || g.State == "Stable" || g.State == "Empty" || len(g.Members) == 0
}
