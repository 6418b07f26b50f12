package mutants

import (
	"context"
	"slices"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-wrong-call-order",
	Doc:         "Passes the records of a key to one call in the wrong order.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("uneven", oracle.CheckKeyInversion),
	New: func(harness.Config) (harness.Consumer, error) {
		return tampered{pool.Sharded{Shard: pool.ByKey(), Batch: 10}, func(w harness.Work) harness.Work { return reversedBatches{w} }}, nil
	},
})

type reversedBatches struct{ harness.Work }

// DoBatch implements [harness.BatchWork].
func (w reversedBatches) DoBatch(ctx context.Context, records []harness.Record) error {
	records = slices.Clone(records)
	slices.Reverse(records)
	return w.Work.(harness.BatchWork).DoBatch(ctx, records)
}
