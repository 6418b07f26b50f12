//go:build synctests

package consumers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/consumers"
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

// TestFence has a member that is expelled, or has another id by now, while nobody
// looks at the clock, as in a pod that stands still.
func TestFence(t *testing.T) {
	for _, p := range harness.Protocols {
		for _, fate := range []string{"stays", "expelled", "usurped"} {
			t.Run(string(p)+"/"+fate, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { standsStill(newVirtualWorld(t), p, fate) })
			})
		}
	}
}

func standsStill(w *world, p harness.Protocol, fate string) {
	cfg := w.config("a", p)
	cfg.Session, cfg.Heartbeat = 30*time.Second, 29*time.Second
	var fence consumers.Fence
	done := make(workDone, 2)
	fenced := fence.Around(done)
	client := w.member(cfg)
	look := func() bool {
		return fence.Look(w.Context(), client, cfg, func() bool { return fate == "usurped" })
	}
	if !look() || fenced.Do(w.Context(), &harness.Record{}) != nil {
		w.Fatal("an open fence holds back")
	}
	if fate == "expelled" {
		w.expel()
	}
	time.Sleep(cfg.Session/2 + time.Millisecond)
	if member := look(); member != (fate == "stays") {
		w.Errorf("member: %t", member)
	}
	ctx, cancel := context.WithTimeout(w.Context(), time.Second)
	defer cancel()
	if err := fenced.Do(ctx, &harness.Record{}); (err == nil) != (fate == "stays") {
		w.Errorf("work behind the fence: %v", err)
	}
}

// member is a client that has joined the group, and polls nothing.
func (w *world) member(cfg harness.Config) *kgo.Client {
	options, err := consumers.MemberOptions(cfg)
	if err != nil {
		w.Fatal(err)
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(client.CloseAllowingRebalance)
	w.until(func() bool { return members(w) == 1 && w.cluster.GroupInfo(group).State == "Stable" }, func() string { return "nobody joins" })
	return client
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
