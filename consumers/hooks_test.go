//go:build synctests

package consumers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A member with hooks commits only what its hooks say, and calls them once it leaves.
func TestHooksReplaceStepsOfAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newVirtualWorld(t)
		w.send(100)
		const offset = 3
		var commits, revoked atomic.Int64
		consumer := pool.Sharded{Shard: pool.ByKey(), Options: group.Options{Hooks: group.Hooks{
			Offset: func(a *group.Assignment) (kgo.EpochOffset, bool) {
				return kgo.EpochOffset{Epoch: -1, Offset: offset}, a.Partition().Partition == 0
			},
			Committed: func(_ *group.Member, err error) {
				if err != nil {
					t.Errorf("commit: %v", err)
				}
				commits.Add(1)
			},
			Revoke: func(m *group.Member, ending group.Assignments) {
				revoked.Add(int64(len(ending)))
				m.Settle(ending)
			},
		}}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- consumer.Consume(ctx, w.config("a", harness.Cooperative), podWork{w.effects, "a"}) }()
		w.delivered()
		w.until(func() bool { return commits.Load() > 1 }, func() string { return "no commit" })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := revoked.Load(); n != partitions {
			t.Errorf("%d partitions were revoked, want %d", n, partitions)
		}
		for p, c := range w.cluster.GroupInfo(groupName).Commits[topic] {
			if p != 0 || c.Offset != offset {
				t.Errorf("partition %d: committed %d, want offset %d of partition 0 alone", p, c.Offset, offset)
			}
		}
	})
}
