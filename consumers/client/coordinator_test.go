package client_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestShareMemberLooksUpACoordinatorWhoseBrokerIsGone(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, "source"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	const group = "g"
	gone := cluster.ListenAddrs()[cluster.CoordinatorFor(group)]
	other := cluster.ListenAddrs()[1-cluster.CoordinatorFor(group)]

	var lookups, heartbeats atomic.Int64
	cluster.ControlKey(int16(kmsg.FindCoordinator), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		lookups.Add(1)
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.ShareGroupHeartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		heartbeats.Add(1)
		return nil, nil, false
	})

	var cut atomic.Bool
	conns := make(chan net.Conn, 100)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == gone && cut.Load() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil && address == gone {
			conns <- conn
		}
		return conn, err
	}
	evictor := client.NewCoordinatorEvictor(t.Context())
	defer evictor.Wait()
	member, err := kgo.NewClient(kgo.SeedBrokers(other), kgo.Dialer(dial), kgo.WithHooks(evictor),
		kgo.ConsumeTopics("source"), kgo.ShareGroup(group))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cut.Store(false) // Close waits for the coordinator to take the member's leave
		member.Close()
	}()
	go member.PollFetches(t.Context())

	await(t, "the member heartbeats", func() bool { return heartbeats.Load() > 0 })
	before := lookups.Load()
	cut.Store(true)
	for range len(conns) {
		(<-conns).Close()
	}
	await(t, "the member looks its coordinator up", func() bool { return lookups.Load() > before })
}

// await polls a condition, since neither kfake nor kgo signals it.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("20 s passed before %s", what)
		}
	}
}
