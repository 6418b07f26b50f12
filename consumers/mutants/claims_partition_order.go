package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-claims-partition-order",
	Doc:         "Keeps order by key and claims order by partition. Now and then a record takes so long that others overtake it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckPartitionInversion, oracle.CheckOverlap),
	New:         tamperedKeyed(delaySomeRecords),
})

func delaySomeRecords(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if r.Offset%10 == 5 {
			select {
			case <-time.After(pairTimeout):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return honest.Do(ctx, r)
	})
}
