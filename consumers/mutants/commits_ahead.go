package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-ahead",
	Doc:         "Commits one past the low watermark, as if the record at the watermark were completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("uneven", oracle.CheckPrematureCommit),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckStalledCommit, Why: "the record that the commit is past may take long, and the next record is completed"},
	},
	New: changeKeyed(func(p *keyedPod) {
		p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
			next, ok := a.Watermark()
			next.Offset++
			return next, ok
		}
	}),
})
