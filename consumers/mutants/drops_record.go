package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-record",
	Doc:         "Drops one record in fifty: no work, and a commit past it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckLoss, oracle.CheckPrematureCommit),
	New:         tamperedKeyed(dropPicked),
})

func dropPicked(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if isPicked(r) {
			return nil
		}
		return honest.Do(ctx, r)
	})
}
