package mutants

import (
	"context"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-stalls",
	Doc:         "Works on a few records and then on no more, while it stays a good member of its group.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckStall),
	New:         tamperedKeyed(stallAfterSome),
})

// beforeStall is how many records a pod works on.
const beforeStall = 20

func stallAfterSome(honest harness.Work) harness.Work {
	var calls atomic.Int64
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if calls.Add(1) <= beforeStall {
			return honest.Do(ctx, r)
		}
		<-ctx.Done()
		return ctx.Err()
	})
}
