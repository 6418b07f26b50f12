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

// overflowWorld is a broker with an overflow topic of one partition, and a member of the source's group.
type overflowWorld struct {
	*testing.T
	*Overflow
	cluster *kfake.Cluster
	id      string

	expelled atomic.Bool // expelled: the group says that it has no member
	ends     []context.CancelFunc
}

// inOverflowWorld runs a test in virtual time.
func inOverflowWorld(t *testing.T, p harness.Protocol, test func(*overflowWorld)) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster, err := kfake.NewCluster(kfake.Ports(9092), kfake.NumBrokers(1), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, "source", "overflow"))
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
		l := &overflowWorld{T: t, cluster: cluster}
		l.controlDescriptions()
		for l.id == "" {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			cl.PollFetches(ctx)
			cancel()
			if id, generation := cl.GroupMetadata(); generation > 0 {
				l.id = id
			}
		}
		if l.Overflow, err = newOverflow(t.Context(), cfg, "overflow", "g.overflow"); err != nil {
			t.Fatal(err)
		}
		test(l)
		for _, end := range l.ends {
			end()
		}
		l.Overflow.closeOverflow()
		client.LeaveGroup(t.Context(), cl, func() {})
		cluster.Close()
		time.Sleep(time.Second) // until connections are closed
	})
}

// controlDescriptions has the group say that it has no member while l.expelled is set.
func (l *overflowWorld) controlDescriptions() {
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

// owner is an owner of the partition with a member id; end ends its assignment.
func (l *overflowWorld) owner(id string) (o *OverflowPartition, end context.CancelFunc) {
	ctx, cancel := context.WithCancel(l.Context())
	l.ends = append(l.ends, cancel)
	a := group.NewAssignment(ctx, group.TopicPartition{Topic: "source"}, id, group.NewWindow(100, 1, 10))
	return l.Overflow.Partition(a), cancel
}

// has reports whether an owner finds a key in the overflow topic.
func (l *overflowWorld) has(o *OverflowPartition, key string) bool {
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

// wantCopies compares the values of the committed copies, in order.
func (l *overflowWorld) wantCopies(want ...string) {
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
		l.Errorf("in the overflow topic: %q, want %q", got, want)
	}
}

// commit commits as the overflow group does when copies are completed.
func (l *overflowWorld) commit(next int64) {
	l.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("overflow", 0, next, -1)
	if err := l.admin.CommitAllOffsets(l.Context(), l.group, offsets); err != nil {
		l.Fatal(err)
	}
	time.Sleep(l.cfg.Commit) // until the owner requests it again
}

func (l *overflowWorld) divert(o *OverflowPartition, key string, values ...string) {
	l.Helper()
	if err := o.Append(keyed(key, values...)); err != nil {
		l.Fatalf("divert: %v", err)
	}
}

// A key leaves the overflow topic when the overflow group has committed past its last copy.
func TestKeyIsInOverflowUntilItsLastCopyIsCompleted(t *testing.T) {
	inOverflowWorld(t, harness.Cooperative, func(l *overflowWorld) {
		o, _ := l.owner(l.id)
		if l.has(o, "a") {
			l.Error("an empty overflow topic contains a key")
		}
		l.divert(o, "a", "1", "2")
		l.divert(o, "b", "3")
		if !l.has(o, "a") || !l.has(o, "b") || l.has(o, "c") {
			l.Errorf("a, b, c: %t %t %t", l.has(o, "a"), l.has(o, "b"), l.has(o, "c"))
		}
		l.commit(1)
		if !l.has(o, "a") {
			l.Error("a came back before its last copy was completed")
		}
		l.commit(2)
		if l.has(o, "a") || !l.has(o, "b") {
			l.Errorf("a, b: %t %t", l.has(o, "a"), l.has(o, "b"))
		}
	})
}

// The next owner of a partition knows which keys still have copies.
func TestNextOwnerKnowsTheCopiesThatAreLeft(t *testing.T) {
	inOverflowWorld(t, harness.Cooperative, func(l *overflowWorld) {
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

// A previous owner that does not know of its successor can append nothing: neither in a new
// transaction nor in one that was open.
func TestPreviousOwnerCannotAppend(t *testing.T) {
	for _, p := range []harness.Protocol{harness.Cooperative, harness.Server} {
		t.Run(string(p), func(t *testing.T) {
			inOverflowWorld(t, p, func(l *overflowWorld) {
				before, end := l.owner(l.id)
				l.divert(before, "a", "1")
				cl := before.copier.client
				if err := cl.BeginTransaction(); err != nil {
					l.Fatal(err)
				}
				if err := client.Produce(l.Context(), cl, copyRecords(func(*kgo.Record) string { return "overflow" }, keyed("b", "open"))...); err != nil {
					l.Fatal(err)
				}
				after, _ := l.owner(l.id)
				if !l.has(after, "a") || l.has(after, "b") {
					l.Errorf("a, b: %t %t: want the committed copy and nothing else", l.has(after, "a"), l.has(after, "b"))
				}
				if err := cl.EndTransaction(l.Context(), kgo.TryCommit); err == nil {
					l.Error("an open transaction was committed after the successor opened its copier")
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

// An owner that is expelled while it opens its copier fences the new owner, and can append
// nothing. The new owner opens its copier again.
func TestExpelledOwnerDoesNotFenceItsSuccessor(t *testing.T) {
	inOverflowWorld(t, harness.Cooperative, func(l *overflowWorld) {
		owner, _ := l.owner(l.id)
		l.divert(owner, "a", "1")
		late, end := l.owner(l.id)
		var once sync.Once
		l.cluster.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
			once.Do(func() { l.expelled.Store(true) }) // between the two membership checks
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
			l.Error("the owner has forgotten its copies")
		}
		l.wantCopies("1", "2", "3")
	})
}

// A transaction whose outcome is unknown is made again only if it was not committed.
func TestAmbiguousCopyIsMadeOnce(t *testing.T) {
	for _, committed := range []bool{true, false} {
		t.Run(fmt.Sprintf("committed=%t", committed), func(t *testing.T) {
			inOverflowWorld(t, harness.Cooperative, func(l *overflowWorld) {
				o, _ := l.owner(l.id)
				l.divert(o, "a", "1")
				var ended bool // of the ambiguous transaction
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
					l.Error("no transaction was ambiguous")
				}
				l.divert(o, "a", "4")
				l.wantCopies("1", "2", "3", "4")
			})
		})
	}
}
