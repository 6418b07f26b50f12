package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-past-end",
	Doc:         "When it leaves in good order, it commits three past the low watermark: past the end of the log if all records are completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckPrematureCommit),
	New: changeKeyed(func(p *keyedPod) {
		p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
			next, ok := a.Watermark()
			if p.ctx.Err() != nil {
				next.Offset += 3
			}
			return next, ok
		}
	}),
})
