//go:build synctests

package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lanes is a broker with a lane of one partition, and a member of the source's group.
type lanes struct {
	*testing.T
	*Overflow
	cluster *kfake.Cluster
	id      string

	expelled atomic.Bool // expelled: the group says that it has no member
	ends     []context.CancelFunc
}

// inLanes runs a test in virtual time.
func inLanes(t *testing.T, p harness.Protocol, test func(*lanes)) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster, err := kfake.NewCluster(kfake.Ports(9092), kfake.NumBrokers(1), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, "source", "lane"))
		if err != nil {
			t.Fatal(err)
		}
		cfg := harness.Config{
			Seeds: cluster.ListenAddrs(), Dialer: network.DialContext, Topic: "source", Group: "g", Pod: "pod", Protocol: p,
			Commit: time.Second, Session: 6 * time.Second, Heartbeat: time.Second, Rebalance: 12 * time.Second,
		}
		cl, err := client.NewMember(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l := &lanes{T: t, cluster: cluster}
		l.controlDescriptions()
		for l.id == "" {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			cl.PollFetches(ctx)
			cancel()
			if id, generation := cl.GroupMetadata(); generation > 0 {
				l.id = id
			}
		}
		if l.Overflow, err = newOverflow(t.Context(), cfg, "lane", "g.lane"); err != nil {
			t.Fatal(err)
		}
		test(l)
		for _, end := range l.ends {
			end()
		}
		l.Overflow.closeOverflow()
		client.LeaveGroup(t.Context(), cl, func() {})
		cluster.Close()
		time.Sleep(time.Second) // connections find out
	})
}

// controlDescriptions has the group say that it has no member while l.expelled is set.
func (l *lanes) controlDescriptions() {
	for _, key := range []kmsg.Key{kmsg.DescribeGroups, kmsg.ConsumerGroupDescribe} {
		l.cluster.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			l.cluster.KeepControl()
			if !l.expelled.Load() {
				return nil, nil, false
			}
			return req.ResponseKind(), nil, true
		})
	}
}

// owner is one of the partition, as a member with an id; end ends its assignment.
func (l *lanes) owner(id string) (o *OverflowPartition, end context.CancelFunc) {
	ctx, cancel := context.WithCancel(l.Context())
	l.ends = append(l.ends, cancel)
	a := group.NewAssignment(ctx, group.TopicPartition{Topic: "source"}, id, group.NewWindow(100, 1, 10))
	return l.Overflow.Partition(a), cancel
}

// has is whether an owner holds a key to be in the lane.
func (l *lanes) has(o *OverflowPartition, key string) bool {
	l.Helper()
	has, err := o.Contains([]byte(key))
	if err != nil {
		l.Fatalf("has %s: %v", key, err)
	}
	return has
}

// keyed are records of a key.
func keyed(key string, values ...string) (records []*kgo.Record) {
	for _, v := range values {
		records = append(records, &kgo.Record{Key: []byte(key), Value: []byte(v)})
	}
	return records
}

// wantCopies holds the copies that count to their values, in order.
func (l *lanes) wantCopies(want ...string) {
	l.Helper()
	end, err := l.listEnd(l.Context(), 0)
	if err != nil {
		l.Fatal(err)
	}
	var got []string
	if err := l.readCopies(l.Context(), 0, 0, end, func(r *kgo.Record) { got = append(got, string(r.Value)) }); err != nil {
		l.Fatal(err)
	}
	if !slices.Equal(got, want) {
		l.Errorf("in the lane: %q, want %q", got, want)
	}
}

// commit is what the lane's group does once copies were worked off.
func (l *lanes) commit(next int64) {
	l.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("lane", 0, next, -1)
	if err := l.admin.CommitAllOffsets(l.Context(), l.group, offsets); err != nil {
		l.Fatal(err)
	}
	time.Sleep(l.cfg.Commit) // until it is asked for again
}

func (l *lanes) divert(o *OverflowPartition, key string, values ...string) {
	l.Helper()
	if err := o.Append(keyed(key, values...)); err != nil {
		l.Fatalf("divert: %v", err)
	}
}

// A key is in the lane until the lane's group has committed past its last copy, and no longer.
func TestAKeyIsInTheLaneUntilItsLastCopyIsWorkedOff(t *testing.T) {
	inLanes(t, harness.Cooperative, func(l *lanes) {
		o, _ := l.owner(l.id)
		if l.has(o, "a") {
			l.Error("a key is in a lane that is empty")
		}
		l.divert(o, "a", "1", "2")
		l.divert(o, "b", "3")
		if !l.has(o, "a") || !l.has(o, "b") || l.has(o, "c") {
			l.Errorf("a, b, c: %t %t %t", l.has(o, "a"), l.has(o, "b"), l.has(o, "c"))
		}
		l.commit(1)
		if !l.has(o, "a") {
			l.Error("a came back with a copy to be worked off")
		}
		l.commit(2)
		if l.has(o, "a") || !l.has(o, "b") {
			l.Errorf("a, b: %t %t", l.has(o, "a"), l.has(o, "b"))
		}
	})
}

// Who gets the partition knows what is left in the lane, and what is not.
func TestASuccessorKnowsWhatIsInTheLane(t *testing.T) {
	inLanes(t, harness.Cooperative, func(l *lanes) {
		o, end := l.owner(l.id)
		l.divert(o, "a", "1")
		l.divert(o, "b", "2")
		l.commit(1)
		end()
		next, _ := l.owner(l.id)
		if l.has(next, "a") || !l.has(next, "b") {
			l.Errorf("a, b: %t %t", l.has(next, "a"), l.has(next, "b"))
		}
	})
}

// An owner that has a successor and does not know appends nothing, neither what it begins
// late nor what it had under way.
func TestAnOwnerOfBeforeAppendsNothing(t *testing.T) {
	for _, p := range []harness.Protocol{harness.Cooperative, harness.Server} {
		t.Run(string(p), func(t *testing.T) {
			inLanes(t, p, func(l *lanes) {
				before, end := l.owner(l.id)
				l.divert(before, "a", "1")
				cl := before.copies.client
				if err := cl.BeginTransaction(); err != nil {
					l.Fatal(err)
				}
				if err := client.Produce(l.Context(), cl, copyRecords(func(*kgo.Record) string { return "lane" }, keyed("b", "under way"))...); err != nil {
					l.Fatal(err)
				}
				after, _ := l.owner(l.id)
				if !l.has(after, "a") || l.has(after, "b") {
					l.Errorf("a, b: %t %t: want what counts and nothing else", l.has(after, "a"), l.has(after, "b"))
				}
				if err := cl.EndTransaction(l.Context(), kgo.TryCommit); err == nil {
					l.Error("what was under way was committed behind the successor")
				}
				l.expelled.Store(true)
				time.AfterFunc(time.Minute, end)
				if err := before.Append(keyed("a", "late")); !errors.Is(err, context.Canceled) {
					l.Errorf("a late copy: %v", err)
				}
				l.expelled.Store(false)
				l.divert(after, "a", "2")
				l.wantCopies("1", "2")
			})
		})
	}
}

// Who is expelled while it gets the right to copy has kept the owner out, and has nothing
// of it; the owner begins anew.
func TestWhoIsNoMemberAnyMoreKeepsNobodyOut(t *testing.T) {
	inLanes(t, harness.Cooperative, func(l *lanes) {
		owner, _ := l.owner(l.id)
		l.divert(owner, "a", "1")
		late, end := l.owner(l.id)
		var once sync.Once
		l.cluster.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
			once.Do(func() { l.expelled.Store(true) }) // between the question before and the one after
			return nil, nil, false
		})
		time.AfterFunc(time.Minute, end)
		if err := late.Append(keyed("a", "late")); !errors.Is(err, context.Canceled) {
			l.Errorf("a late copy: %v", err)
		}
		l.expelled.Store(false)
		l.divert(owner, "a", "2")
		l.divert(owner, "b", "3")
		if !l.has(owner, "a") || !l.has(owner, "b") {
			l.Error("the owner has forgotten what it copied")
		}
		l.wantCopies("1", "2", "3")
	})
}

// A transaction of which the end is in doubt is made again only if it was not committed.
func TestACopyInDoubtIsMadeOnce(t *testing.T) {
	for _, committed := range []bool{true, false} {
		t.Run(fmt.Sprintf("committed=%t", committed), func(t *testing.T) {
			inLanes(t, harness.Cooperative, func(l *lanes) {
				o, _ := l.owner(l.id)
				l.divert(o, "a", "1")
				var ended bool // of the one in doubt
				l.cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
					if ended {
						return nil, nil, false
					}
					ended = true
					if committed {
						l.cluster.KeepControl()
						l.cluster.SleepControl(func() { _, _ = l.queries.client.Request(context.Background(), req) })
					}
					resp := req.ResponseKind().(*kmsg.EndTxnResponse)
					resp.ErrorCode = kerr.InvalidProducerEpoch.Code
					return resp, nil, true
				})
				l.divert(o, "a", "2", "3")
				if !ended {
					l.Error("nothing was in doubt")
				}
				l.divert(o, "a", "4")
				l.wantCopies("1", "2", "3", "4")
			})
		})
	}
}
