package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-ends-worker-at-failure",
	Doc:         "Ends a worker whose record failed, and starts no other. After a few failures the pod works no more, while its member keeps its partitions.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("failing-work", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		p.NewWorker = func(_ *group.Member, work harness.Work) func([]group.Task) {
			ended := false
			return func(batch []group.Task) {
				for _, t := range batch {
					if ended || !t.Start() {
						continue
					}
					ctx := t.Assignment.Context()
					err := work.Do(ctx, viewRecord(t.Record))
					ended = err != nil && ctx.Err() == nil
					t.Finish(err == nil)
				}
			}
		}
	}),
})
