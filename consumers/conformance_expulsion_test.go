package consumers_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	_ "github.com/stampede-bench/stampede/consumers"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
)

// working reports whether an attempt is under way.
func (e *effects) working() bool {
	for _, pods := range e.open {
		if len(pods) > 0 {
			return true
		}
	}
	return false
}

// A pod cut off for longer than the session is expelled; another takes over and
// repeats what was not committed. Back in the network the first finds out, lets
// go and joins again. What it had in hand must not be committed.
func expelledPodLetsGo(w *world, i *harness.Implementation, p harness.Protocol) {
	net := &cable{via: w.dial}
	cfg := w.config("a", p)
	cfg.Dialer = net.dial
	hold := make(chan struct{})
	var held atomic.Bool // never released: with its network back, a may fetch before it learns that it was expelled
	w.effects.before = func(ctx context.Context, pod string, r *harness.Record) error {
		if pod != "a" || !held.Load() {
			return nil
		}
		return stuck(ctx, hold)
	}
	w.send(40)
	a := w.start(i, cfg)
	w.delivered()
	held.Store(true)
	w.send(560)
	w.await("a has work in hand", func(e *effects) bool { return e.working() })
	net.set(w.cluster.ListenAddrs()...)
	b := w.start(i, w.config("b", p))
	w.delivered() // by b, while a holds what it has
	had := w.worked("a")
	net.set()
	w.until(func() bool { return members(w) == 2 }, func() string { return "a does not come back" })
	w.await("a lets go", func(e *effects) bool { return !e.working() })
	close(hold)
	if now := w.worked("a"); now != had {
		w.Errorf("%d effects of records that a had lost", now-had)
	}
	w.send(100)
	w.delivered()
	w.committed()
	a.leave()
	b.leave()
	w.noGoroutines()
}

// A pod learns from the answer to its JoinGroup that the group has expelled it. Kgo's
// cooperative members then join again and go on with their old partitions, although other
// members may have worked on them.
func podExpelledWhileItJoinsReadsOnFromTheCommit(w *world, i *harness.Implementation, p harness.Protocol) {
	if p == harness.Server {
		return // its members send no JoinGroup
	}
	var expelled atomic.Bool
	var first atomic.Pointer[string] // first is the member id of a
	fetched := make(chan int32, 100*partitions)
	w.cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		req := r.(*kmsg.JoinGroupRequest)
		if id := first.Load(); id == nil || req.MemberID != *id || expelled.Swap(true) {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	w.cluster.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if !expelled.Load() {
			return nil, nil, false
		}
		for _, g := range r.(*kmsg.OffsetFetchRequest).Groups {
			if g.Group != groupName {
				continue // a design may have groups of its own
			}
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					select {
					case fetched <- p:
					default:
					}
				}
			}
		}
		return nil, nil, false
	})
	w.send(300)
	a := w.start(i, w.config("a", p))
	w.delivered()
	w.committed()
	id := w.cluster.GroupInfo(groupName).Members[0].MemberID
	first.Store(&id)
	b := w.start(i, w.config("b", p)) // a joins again
	w.until(expelled.Load, func() string { return "a does not join again" })
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = groupName, []kmsg.LeaveGroupRequestMember{{MemberID: id}}
	if _, err := leave.RequestWith(w.Context(), w.producer); err != nil {
		w.Fatal(err)
	}
	all := map[int32]bool{}
	w.until(func() bool {
		for {
			select {
			case p := <-fetched:
				all[p] = true
				continue
			default:
			}
			return len(all) == partitions
		}
	}, func() string { return fmt.Sprintf("the commit was asked for of %v only", all) })
	w.send(300)
	w.delivered()
	w.committed()
	w.asClaimed(i)
	a.leave()
	b.leave()
	w.noGoroutines()
}

func members(w *world) int {
	info := w.cluster.GroupInfo(groupName)
	if info == nil {
		return 0
	}
	return len(info.Members)
}
