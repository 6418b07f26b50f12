package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in confluentinc/librdkafka 1811.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-last-offset",
	Doc:         "Commits the offset of the last completed record, not the one after it. The lag is never 0, and each new owner repeats the last record.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFail(oracle.CheckStalledCommit), mustFailIn("churn", oracle.CheckStalledCommit)...),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
			next, ok := a.Watermark()
			next.Offset--
			return next, ok && next.Offset >= 0
		}
	}),
})
