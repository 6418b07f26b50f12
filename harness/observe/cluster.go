package observe

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// LookEvery is how often groups are described by the cluster itself.
const LookEvery = 20 * time.Millisecond

// describeEvery is how often they are described over the network.
const describeEvery = 200 * time.Millisecond

// watchCluster watches by the cluster's own eyes.
func (w *Watcher) watchCluster(groups harness.GroupObserver) error {
	stopSights, err := groups.ObserveGroups(w.cfg.Client.Group, w.sights())
	if err != nil {
		return err
	}
	stopLooking := w.look(cmp.Or(w.cfg.Look, LookEvery), func(ctx context.Context) ([]harness.Group, error) {
		return groups.DescribeGroups(ctx, w.cfg.Client.Group)
	})
	w.stop = func(context.Context) error {
		stopLooking()
		stopSights()
		return nil
	}
	return nil
}

// look describes the groups at an interval until the returned stop is called.
// What changed between two looks happened after the first was asked for and
// before the second was answered.
func (w *Watcher) look(every time.Duration, describe func(context.Context) ([]harness.Group, error)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		began := w.cfg.Clock.Now()
		lastSeen, lastAsked := began, began // of any answer
		earliest := map[string]int64{}      // by group, of an answer that had it settled
		for ctx.Err() == nil {
			asked := w.cfg.Clock.Now()
			groups, err := describe(ctx)
			seen := w.cfg.Clock.Now()
			if err == nil {
				w.gap(time.Duration(seen - lastSeen))
				for _, g := range groups {
					if _, known := earliest[g.Name]; !known {
						earliest[g.Name] = lastAsked // it was not there
					}
					if w.settled(g) {
						w.snapshot(g, earliest[g.Name], seen)
						earliest[g.Name] = asked
					} else {
						w.departed(g, seen)
					}
				}
				lastSeen, lastAsked = seen, asked
				w.looked(asked)
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

// looked notes when a look was asked for that has been taken in.
func (w *Watcher) looked(asked int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = asked
}

// settled reports whether a snapshot says who owns what. A classic group shows
// no assignments, or old ones, while it rebalances.
func (w *Watcher) settled(g harness.Group) bool {
	if g.State != "PreparingRebalance" && g.State != "CompletingRebalance" {
		return true
	}
	return len(g.Members) == 0 || w.cfg.Protocol == harness.Server && g.Name == w.cfg.Client.Group
}
