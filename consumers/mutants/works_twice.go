package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-twice",
	Doc:         "Works on one record in fifty a second time, without a rebalance or a crash.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckUnexplainedDuplicate),
	New:         tamperedKeyed(repeatPicked),
})

func repeatPicked(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		err := honest.Do(ctx, r)
		if err == nil && isPicked(r) {
			return honest.Do(ctx, r)
		}
		return err
	})
}
