package consumers_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answersForEach has the members of share groups.
func answersForEach(i *harness.Implementation) bool { return every(i) && i.Share }

// Records that never succeed are not given up and do not hold up others, while members come
// and go, and whatever the lock duration and delivery limit are.
func recordThatKeepsFailingIsKept(w *world, i *harness.Implementation, p harness.Protocol) {
	sick := []string{"17", "18", "19", "23", "24", "25"}
	var failing atomic.Bool
	failing.Store(true)
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		if failing.Load() && slices.Contains(sick, string(r.Value)) {
			return harness.ErrPoison
		}
		return nil
	}
	w.send(100)
	cfg := w.config("a", p)
	cfg.RevokeTimeout = 100 * time.Millisecond
	a := w.start(i, cfg)
	others := func(e *effects) bool { return len(e.times) == w.sent-len(sick) }
	w.await("all others delivered", others)
	time.Sleep(3 * lockFor) // how long they fail is what is tested
	w.send(300)
	w.await("all others delivered", others)
	a.leave()
	b := w.start(i, w.config("b", p))
	w.send(100)
	w.await("all others delivered to b", others)
	failing.Store(false)
	w.delivered()
	b.leave()
	w.repeats(0)
	w.noGoroutines()
}

// Work that does not end holds the pod up for no longer than the drain budget and what
// a broker may take.
func stuckWorkIsCancelledAtTheEnd(w *world, i *harness.Implementation, p harness.Protocol) {
	var stuck atomic.Bool
	stuck.Store(true)
	w.effects.before = func(ctx context.Context, _ string, r *harness.Record) error {
		if !stuck.Load() || string(r.Value) != "17" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	w.send(40)
	cfg := w.config("a", p)
	cfg.RevokeTimeout = 200 * time.Millisecond
	a := w.start(i, cfg)
	w.await("a is stuck", func(e *effects) bool { return len(e.open["key-17"]) > 0 })
	asked := time.Now()
	a.leave()
	if took := time.Since(asked); took > cfg.RevokeTimeout+cfg.Session/2 {
		w.Errorf("the pod took %v to stop", took)
	}
	stuck.Store(false)
	b := w.start(i, w.config("b", p))
	w.delivered()
	b.leave()
	w.noGoroutines()
}

// Work that takes several times as long as the lock of its record is done once.
func longWorkKeepsItsLock(w *world, i *harness.Implementation, p harness.Protocol) {
	w.effects.before = func(ctx context.Context, _ string, r *harness.Record) error {
		if r.Value[len(r.Value)-1] != '7' {
			return nil
		}
		select {
		case <-time.After(4 * lockFor):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.send(40)
	a := w.start(i, w.config("a", p))
	b := w.start(i, w.config("b", p))
	w.delivered()
	a.leave()
	b.leave()
	w.repeats(0)
	w.noGoroutines()
}

// A pod whose connections end while it works has lost its records: others do them, and
// it stops trying.
func lockThatIsLostIsLetGo(w *world, i *harness.Implementation, p harness.Protocol) {
	net := &cable{via: w.dial}
	cfg := w.config("a", p)
	cfg.Dialer = net.dial
	w.effects.before = func(ctx context.Context, pod string, r *harness.Record) error {
		if pod != "a" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	w.send(100)
	a := w.start(i, cfg)
	w.await("a has work in hand", func(e *effects) bool { return e.working() })
	net.set(w.cluster.ListenAddrs()...)
	b := w.start(i, w.config("b", p))
	w.delivered()
	w.await("a lets go", func(e *effects) bool { return !e.working() })
	a.leave()
	b.leave()
	w.repeats(0)
	w.noGoroutines()
}

// A group that takes no further member costs a pod nothing: clients without a place wait for
// one, or give up if the pod has enough, and the others go on.
func fullGroupIsWaitedFor(w *world, i *harness.Implementation, p harness.Protocol) {
	var places atomic.Int64
	var mu sync.Mutex
	members := map[string]bool{}
	w.cluster.ControlKey(kmsg.ShareGroupHeartbeat.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		join := request.(*kmsg.ShareGroupHeartbeatRequest)
		mu.Lock()
		defer mu.Unlock()
		if join.MemberEpoch != 0 || members[join.MemberID] {
			return nil, nil, false
		}
		if len(members) < int(places.Load()) {
			members[join.MemberID] = true
			return nil, nil, false
		}
		refused := join.ResponseKind().(*kmsg.ShareGroupHeartbeatResponse)
		refused.ErrorCode = kerr.GroupMaxSizeReached.Code
		return refused, nil, true
	})
	// Work that outlasts locks makes the pod want more clients.
	w.effects.before = slow(lockFor)
	w.send(20)
	a := w.start(i, w.config("a", p))
	places.Store(2)
	w.delivered()
	a.leave()
	w.repeats(0)
	w.noGoroutines()
}
