package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-does-everything-twice",
	Doc:         "Allows itself any repeats, and works on every record twice.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Redelivery:  harness.RedeliveryAny,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckRepeatRate),
	MayFail:     []harness.Allowance{{Check: oracle.CheckUnexplainedDuplicate, Why: "each repeat is one, and a warning"}},
	New:         tamperedKeyed(repeatAll),
})

func repeatAll(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if err := honest.Do(ctx, r); err != nil {
			return err
		}
		return honest.Do(ctx, r)
	})
}
