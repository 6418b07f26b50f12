package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-swallows-error",
	Doc:         "Swallows the error of the work: a failed record counts as completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("failing", oracle.CheckLoss, oracle.CheckPrematureCommit),
	New:         tamperedKeyed(swallowError),
})

func swallowError(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		_ = honest.Do(ctx, r)
		return ctx.Err()
	})
}
