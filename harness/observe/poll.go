package observe

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// PollEvery is how often a cluster that describes groups itself is polled.
const PollEvery = 20 * time.Millisecond

// pollNetworkEvery is how often a cluster is polled over the network.
const pollNetworkEvery = 200 * time.Millisecond

// watchCluster watches by what the cluster reports of itself.
func (w *Watcher) watchCluster(groups harness.GroupObserver) error {
	stopEvents, err := groups.ObserveGroups(w.cfg.Client.Group, w.groupEvents())
	if err != nil {
		return err
	}
	stopPolling := w.pollGroups(cmp.Or(w.cfg.PollEvery, PollEvery), func(ctx context.Context) ([]harness.Group, error) {
		return groups.DescribeGroups(ctx, w.cfg.Client.Group)
	})
	w.stop = func(context.Context) error {
		stopPolling()
		stopEvents()
		return nil
	}
	return nil
}

// pollGroups describes the groups at an interval until the returned stop is called.
func (w *Watcher) pollGroups(every time.Duration, describe func(context.Context) ([]harness.Group, error)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	began := w.cfg.Clock.Now()
	w.mu.Lock()
	w.lastRequested = began
	w.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		lastSeen := began
		for ctx.Err() == nil {
			requested := w.cfg.Clock.Now()
			groups, err := describe(ctx)
			seen := w.cfg.Clock.Now()
			if err == nil {
				w.noteGap(lastSeen, seen)
				w.acceptPoll(groups, requested, seen)
				lastSeen = seen
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		w.noteGap(lastSeen, w.cfg.Clock.Now())
	})
	return func() {
		cancel()
		wg.Wait()
	}
}
