package consumers_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	_ "github.com/stampede-bench/stampede/consumers"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
)

func failedWorkIsTriedAgainInOrder(w *world, i *harness.Implementation, p harness.Protocol) {
	var mu sync.Mutex
	tries := map[string]int{}
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		mu.Lock()
		defer mu.Unlock()
		value := string(r.Value)
		if tries[value]++; value[len(value)-1] == '7' && tries[value] < 3 {
			return errors.New("not yet")
		}
		return nil
	}
	w.send(200)
	pod := w.start(i, w.config("a", p))
	w.delivered()
	pod.leave()
	w.committed()
	w.asClaimed(i)
	w.repeats(0)
	w.noGoroutines()
}

// A record that never succeeds holds the watermark: everything else is done, and
// a new pod begins with the record, once the old one has let go of it.
func recordThatKeepsFailingIsNotCommittedPast(w *world, i *harness.Implementation, p harness.Protocol) {
	failing, tries := true, 0
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		w.effects.mu.Lock()
		defer w.effects.mu.Unlock()
		if failing && string(r.Value) == "17" {
			tries++
			return harness.ErrPoison
		}
		return nil
	}
	w.send(100)
	cfg := w.config("a", p)
	cfg.RevokeTimeout = 100 * time.Millisecond
	a := w.start(i, cfg)
	w.await("the record fails", func(e *effects) bool { return tries > 2 })
	a.leave()
	w.effects.mu.Lock()
	if w.effects.times["17"] != 0 {
		w.Error("the failing record had an effect")
	}
	failing = false
	w.effects.mu.Unlock()
	b := w.start(i, w.config("b", p))
	w.delivered()
	w.committed() // before b leaves: it may be repeating what a had done behind the record
	b.leave()
	w.noGoroutines()
}

func commitsThatFailAreMadeUpFor(w *world, i *harness.Implementation, p harness.Protocol) {
	for _, err := range []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.UnknownServerError, kerr.RequestTimedOut, kerr.RebalanceInProgress} {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: groupName, Err: err, Count: 3})
	}
	w.send(300)
	pod := w.start(i, w.config("a", p))
	w.delivered()
	pod.leave()
	w.committed()
	w.repeats(0)
	w.asClaimed(i)
	w.noGoroutines()
}

// Work that does not end holds a rebalance up for no longer than the drain
// budget; then it is cancelled, and the record is the next owner's.
func stuckWorkIsCancelledAtRevoke(w *world, i *harness.Implementation, p harness.Protocol) {
	release := make(chan struct{})
	var stuck atomic.Bool
	cancelled := 0
	w.effects.before = func(ctx context.Context, pod string, r *harness.Record) error {
		if pod != "a" || !stuck.Load() {
			return nil
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			w.effects.mu.Lock()
			defer w.effects.mu.Unlock()
			cancelled++
			return ctx.Err()
		}
	}
	w.send(40)
	cfg := w.config("a", p)
	cfg.RevokeTimeout = 200 * time.Millisecond
	a := w.start(i, cfg)
	w.delivered()
	stuck.Store(true)
	w.send(260)
	w.await("a is stuck", func(e *effects) bool { return e.working() })
	b := w.start(i, w.config("b", p))
	w.await("b takes over", func(e *effects) bool { return e.pods["b"] >= 20 })
	close(release)
	w.delivered()
	w.committed()
	a.leave()
	b.leave()
	w.asClaimed(i)
	if p == harness.Eager && cancelled == 0 {
		w.Error("no work was cancelled although all partitions were revoked")
	}
	w.noGoroutines()
}
