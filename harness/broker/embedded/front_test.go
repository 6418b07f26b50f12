package embedded_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/broker/wire"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// wireTap collects which incarnation did what, as fronts show it.
type wireTap struct {
	mu        sync.Mutex
	members   map[string]string // members has the client by member id.
	committed map[string][]int64
}

func (w *wireTap) see() harness.GroupEvents {
	return harness.GroupEvents{
		Join: func(j harness.GroupJoin) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.members[j.MemberID] = j.ClientID
		},
		CommitRequest: func(r harness.CommitRequest) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if r.Ended && r.Confirmed && w.members[r.MemberID] == r.ClientID {
				w.committed[r.ClientID] = append(w.committed[r.ClientID], r.Offset)
			}
		},
	}
}

func (w *wireTap) commits(client string) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.committed[client])
}

// front opens a front of an incarnation before a cluster.
func (w *wireTap) front(t *testing.T, c *embedded.Cluster, client string) *wire.Front {
	var brokers []wire.Broker
	for id, addr := range c.Seeds() {
		brokers = append(brokers, wire.Broker{ID: int32(id), Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}})
	}
	name := func(name string, _ [16]byte) string { return name }
	notify := func(_ string, call func(harness.GroupEvents)) { call(w.see()) }
	f, err := wire.OpenFront(brokers, wire.Line{
		Client: client, Now: ledger.NewClock().Now, Rules: new(wire.Rules), Observer: wire.Observer{
			Wants:      func(key int16) bool { return key == int16(kmsg.JoinGroup) || key == int16(kmsg.OffsetCommit) },
			OnRequest:  func(x *wire.Exchange) { wire.ReportRequest(x, name, notify) },
			OnExchange: func(x *wire.Exchange) { wire.ReportEvents(x, name, notify) },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestFrontsTellClientsWithoutIDsApart has two incarnations of one pod, one after the other in one
// group. Neither gives its client an id. The port says who speaks.
func TestFrontsTellClientsWithoutIDsApart(t *testing.T) {
	c := start(t, 1)
	if err := client(t, c).ProduceSync(within(t), &kgo.Record{Topic: topic}, &kgo.Record{Topic: topic}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w := &wireTap{members: map[string]string{}, committed: map[string][]int64{}}
	for n, id := range []string{"pod-1.1", "pod-1.2"} {
		f := w.front(t, c, id)
		cl, err := kgo.NewClient(append([]kgo.Opt{
			kgo.SeedBrokers(f.Seeds()...), kgo.ClientID(""), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
			kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.AlwaysRetryEOF(),
		}, protocols[0].opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		fetches := cl.PollRecords(within(t), 1)
		if err := cl.CommitRecords(within(t), fetches.Records()...); err != nil {
			t.Error(err)
		}
		cl.Close()
		want := int64(n + 1)
		eventually(t, "the commit of "+id, func() bool { return slices.Equal(w.commits(id), []int64{want}) })
	}
}
