package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-reuses-key-buffer",
	Doc:         "Keeps the key of a record in a buffer that it reuses before the work begins.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckCorruption),
	New: tamperedKeyed(func(honest harness.Work) harness.Work {
		return workFunc(func(ctx context.Context, r *harness.Record) error {
			if !isPicked(r) {
				return honest.Do(ctx, r)
			}
			mixed := *r
			mixed.Key = append([]byte("key-1"), r.Key[len("key-"):]...)
			return honest.Do(ctx, &mixed)
		})
	}),
})
