package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-twice",
	Doc:         "Works on one record in fifty a second time, with no rebalance or crash to excuse it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckUnexplainedDuplicate),
	New:         keyed(twice),
})

func twice(honest harness.Work) harness.Work {
	return work(func(ctx context.Context, r *harness.Record) error {
		err := honest.Do(ctx, r)
		if err == nil && picked(r) {
			return honest.Do(ctx, r)
		}
		return err
	})
}
