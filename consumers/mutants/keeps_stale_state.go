package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-keeps-stale-state",
	Doc:         "Keeps the watermark of a revoked partition. When the partition comes back, it commits the old watermark first.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("there-and-back", oracle.CheckCommitRegression),
	MayFail:     afterRebalance,
	New:         changeKeyed(keepWatermarks),
})

func keepWatermarks(p *keyedPod) {
	kept := map[group.TopicPartition]kgo.EpochOffset{}
	stale := map[*group.Assignment]kgo.EpochOffset{}
	var mu sync.Mutex
	p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
		m.Settle(ending)
		mu.Lock()
		defer mu.Unlock()
		for at, a := range ending {
			if next, ok := a.Watermark(); ok {
				kept[at] = next
			}
		}
	}
	p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
		mu.Lock()
		defer mu.Unlock()
		if old, ok := kept[a.Partition()]; ok {
			delete(kept, a.Partition())
			stale[a] = old
		}
		next, ok := a.Watermark()
		if old, isStale := stale[a]; !ok && isStale {
			return old, true
		}
		return next, ok
	}
}
