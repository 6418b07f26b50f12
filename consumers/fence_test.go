//go:build synctests

package consumers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// workDone is work that reports that it was done.
type workDone chan struct{}

func (w workDone) Do(context.Context, *harness.Record) error {
	w <- struct{}{}
	return nil
}

// TestFenceStopsWorkOfAMemberThatWasExpelled has a member that is expelled, or has joined again,
// while the pod stands still; or one whose heartbeat is overtaken by a rebalance.
func TestFenceStopsWorkOfAMemberThatWasExpelled(t *testing.T) {
	for _, p := range harness.Protocols {
		fates := []string{"stays", "expelled", "rejoined"}
		if p != harness.Server { // which is asked without a generation
			fates = append(fates, "overtaken")
		}
		for _, fate := range fates {
			t.Run(string(p)+"/"+fate, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { standsStill(newVirtualWorld(t), p, fate) })
			})
		}
	}
}

func standsStill(w *world, p harness.Protocol, fate string) {
	cfg := w.config("a", p)
	cfg.Session, cfg.Heartbeat = 30*time.Second, 29*time.Second
	var fence group.Fence
	done := make(workDone, 2)
	fenced := fence.Wrap(done)
	var hook overtaking
	client := w.member(cfg, kgo.WithHooks(&hook))
	check := func() bool {
		return fence.Check(w.Context(), client, cfg, func() bool { return fate == "rejoined" })
	}
	if !check() || fenced.Do(w.Context(), &harness.Record{}) != nil {
		w.Fatal("an open fence holds back")
	}
	stays := fate == "stays" || fate == "overtaken"
	if fate == "expelled" {
		w.expel()
	}
	time.Sleep(cfg.Session/2 + time.Millisecond)
	if fate == "overtaken" {
		w.overtake(client, &hook)
	}
	if member := check(); member != stays {
		w.Errorf("member: %t", member)
	}
	ctx, cancel := context.WithTimeout(w.Context(), time.Second)
	defer cancel()
	if err := fenced.Do(ctx, &harness.Record{}); (err == nil) != stays {
		w.Errorf("work behind the fence: %v", err)
	}
}

// member is a client that has joined the group, and polls nothing.
func (w *world) member(cfg harness.Config, more ...kgo.Opt) *kgo.Client {
	options, err := client.MemberOptions(cfg)
	if err != nil {
		w.Fatal(err)
	}
	client, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(client.CloseAllowingRebalance)
	w.until(func() bool { return members(w) == 1 && w.cluster.GroupInfo(groupName).State == "Stable" }, func() string { return "no member joins" })
	return client
}

// overtake makes the next heartbeat fail with ILLEGAL_GENERATION, and the client join again
// before it has that answer.
func (w *world) overtake(client *kgo.Client, o *overtaking) {
	o.client = client
	w.cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		resp := r.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.IllegalGeneration.Code
		return resp, nil, true
	})
}

// overtaking is a hook that holds up the first answer to a heartbeat.
type overtaking struct{ client *kgo.Client }

func (o *overtaking) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	client := o.client
	if key != int16(kmsg.Heartbeat) || client == nil {
		return
	}
	o.client = nil
	_, before := client.GroupMetadata()
	client.ForceRebalance()
	for range 1000 {
		if _, now := client.GroupMetadata(); now > before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// expel has the group say that it knows no member.
func (w *world) expel() {
	unknown := func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		switch resp := r.ResponseKind().(type) {
		case *kmsg.HeartbeatResponse:
			resp.ErrorCode = kerr.UnknownMemberID.Code
			return resp, nil, true
		case *kmsg.ConsumerGroupDescribeResponse:
			resp.Groups = append(resp.Groups, kmsg.NewConsumerGroupDescribeResponseGroup())
			return resp, nil, true
		}
		return nil, nil, false
	}
	w.cluster.ControlKey(int16(kmsg.Heartbeat), unknown)
	w.cluster.ControlKey(int16(kmsg.ConsumerGroupDescribe), unknown)
}
