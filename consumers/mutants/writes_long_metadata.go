package mutants

import (
	"context"
	"strings"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// As in confluentinc/parallel-consumer 47 and 647.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-writes-long-metadata",
	Doc:         "Writes a line for each outstanding record to the metadata of its commits. Kafka takes 4,096 characters, and the mutant does not look at the refusal.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("workers", oracle.CheckStalledCommit),
	MayFail:     afterRebalance,
	New:         changeKeyed(commitWithMetadata),
})

// metadataLine is what such a consumer writes of a record.
const metadataLine = `{"topic":"source","partition":"00","offset":"000000","state":"queued"},`

func commitWithMetadata(p *keyedPod) {
	var mu sync.Mutex
	owned := group.Assignments{}
	p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
		mu.Lock()
		defer mu.Unlock()
		owned[a.Partition()] = a
		return kgo.EpochOffset{}, false
	}
	commit := func(m *group.Member, of group.Assignments) {
		for at, a := range of {
			if next, ok := a.Watermark(); ok {
				text := strings.Repeat(metadataLine, a.Outstanding())
				ctx := group.CommitAs(context.WithoutCancel(p.ctx), a.MemberID(), func(req *kmsg.OffsetCommitRequest) {
					req.Topics[0].Partitions[0].Metadata = &text
				})
				m.Client().CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{at.Topic: {at.Partition: next}}, nil)
			}
		}
	}
	p.Options.Hooks.Committed = func(m *group.Member, _ error) {
		mu.Lock()
		list := group.Assignments{}
		for at, a := range owned {
			list[at] = a
		}
		mu.Unlock()
		commit(m, list)
	}
	p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
		m.Settle(ending)
		commit(m, ending)
		mu.Lock()
		defer mu.Unlock()
		for at := range ending {
			delete(owned, at)
		}
	}
	p.Options.Hooks.Lose = func(m *group.Member, ending group.Assignments) {
		m.Drop(ending)
		mu.Lock()
		defer mu.Unlock()
		for at := range ending {
			delete(owned, at)
		}
	}
}
