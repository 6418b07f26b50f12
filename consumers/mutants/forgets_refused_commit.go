package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in astubbs/parallel-consumer 108.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-forgets-refused-commit",
	Doc:         "Takes a commit for made as soon as it is sent. A refused one is never sent again, unless more records of its partition are completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("commit-refused", oracle.CheckStalledCommit),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		var mu sync.Mutex
		sent := map[*group.Assignment]int64{}
		p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
			next, ok := a.Uncommitted()
			mu.Lock()
			defer mu.Unlock()
			if !ok || next.Offset <= sent[a] {
				return next, false
			}
			sent[a] = next.Offset
			return next, true
		}
	}),
})
