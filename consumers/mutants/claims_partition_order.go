package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-claims-partition-order",
	Doc:         "Is in order by key and claims to be in order by partition. Now and then a record takes long enough for others to overtake.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckPartitionInversion, oracle.CheckOverlap),
	New:         keyed(linger),
})

func linger(honest harness.Work) harness.Work {
	return work(func(ctx context.Context, r *harness.Record) error {
		if r.Offset%10 == 5 {
			select {
			case <-time.After(patience):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return honest.Do(ctx, r)
	})
}
