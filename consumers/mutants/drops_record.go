package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-record",
	Doc:         "Swallows one record in fifty: no work, but committed past.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckLoss, oracle.CheckPrematureCommit),
	New:         keyed(drop),
})

func drop(honest harness.Work) harness.Work {
	return work(func(ctx context.Context, r *harness.Record) error {
		if picked(r) {
			return nil
		}
		return honest.Do(ctx, r)
	})
}
