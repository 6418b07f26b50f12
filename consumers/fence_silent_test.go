//go:build synctests

package consumers_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// hole is a network that swallows all that a pod sends, while swallows is set. No side gets an error.
type hole struct {
	via      dialer
	swallows atomic.Bool
}

func (h *hole) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := h.via(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &holedConn{Conn: c, hole: h}, nil
}

// holedConn loses a request in the hole and with it the frames behind, also after the hole is closed.
type holedConn struct {
	net.Conn
	hole *hole
	dead atomic.Bool
}

func (c *holedConn) Write(b []byte) (int, error) {
	if c.hole.swallows.Load() {
		c.dead.Store(true)
	}
	if c.dead.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// TestFenceClosesWhenTheSessionIsOver has a member whose requests are lost. Its group expels it a
// session after the last heartbeat that arrived. No work may begin from then on.
func TestFenceClosesWhenTheSessionIsOver(t *testing.T) {
	for _, p := range harness.Protocols {
		t.Run(string(p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { losesItsGroup(newVirtualWorld(t), p) })
		})
	}
}

func losesItsGroup(w *world, p harness.Protocol) {
	h := &hole{via: w.dial}
	cfg := w.config("a", p)
	cfg.Dialer = h.dial
	var fence group.Fence
	cl := w.member(cfg, kgo.WithHooks(&fence))
	member := w.check(&fence, cl, cfg)
	time.Sleep(3 * cfg.Session)
	if !fence.IsOpen() {
		w.Fatal("the fence of a member with heartbeats is closed")
	}
	h.swallows.Store(true)
	time.Sleep(cfg.Session)
	if fence.IsOpen() {
		w.Error("work may begin a session after the last heartbeat")
	}
	h.swallows.Store(false)
	if <-member {
		w.Error("the fence takes an expelled member for one of the group")
	}
}

// check checks a fence at intervals until it finds that the client is no member.
func (w *world) check(f *group.Fence, cl *kgo.Client, cfg harness.Config) (member <-chan bool) {
	ctx, stop := context.WithCancel(w.Context())
	over, ended := make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if !f.Check(ctx, cl, cfg, func() bool { return false }) {
				over <- ctx.Err() != nil
				return
			}
			time.Sleep(cfg.Heartbeat / group.ChecksPerHeartbeat)
		}
	}()
	w.Cleanup(func() {
		stop()
		<-ended
	})
	return over
}

// TestFenceStaysOpenInALongRebalance has a member that waits for its group's next generation for
// longer than its session. Its client sends no heartbeats meanwhile, but the group keeps it.
func TestFenceStaysOpenInALongRebalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newVirtualWorld(t)
		cfg := w.config("a", harness.Cooperative)
		cfg.Rebalance = time.Minute
		var fence group.Fence
		cl := w.member(cfg, kgo.WithHooks(&fence))
		over := w.check(&fence, cl, cfg)
		w.joinInSilence(cfg)
		w.until(func() bool { return w.cluster.GroupInfo(groupName).State == "PreparingRebalance" }, func() string { return "the group does not rebalance" })
		time.Sleep(5 * cfg.Session)
		if state := w.cluster.GroupInfo(groupName).State; state != "PreparingRebalance" {
			t.Fatalf("the group is %s", state)
		}
		select {
		case <-over:
			t.Error("the fence gave up a member")
		default:
		}
		if !fence.IsOpen() {
			t.Error("the fence is closed, and the group knows the member")
		}
	})
}

// joinInSilence adds a member to the group that takes part in one rebalance and then does nothing.
// The other member gives partitions up for it, and so joins once more.
func (w *world) joinInSilence(cfg harness.Config) {
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType = groupName, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = int32(cfg.Rebalance.Milliseconds()), int32(cfg.Rebalance.Milliseconds())
	join.Protocols = append(join.Protocols, kmsg.JoinGroupRequestProtocol{Name: kgo.CooperativeStickyBalancer().ProtocolName(), Metadata: w.subscription()})
	for range 2 { // the first response has the member id
		resp, err := join.RequestWith(w.Context(), w.producer)
		if err != nil {
			w.Fatal(err)
		}
		join.MemberID = resp.MemberID
	}
}

// subscription is what a member says of the topics that it reads.
func (w *world) subscription() []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Topics = []string{topic}
	return meta.AppendTo(nil)
}
