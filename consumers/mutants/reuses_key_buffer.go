package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-reuses-key-buffer",
	Doc:         "Keeps the key of a record in a buffer that it has used again by the time of the work on it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckCorruption),
	New: keyed(func(honest harness.Work) harness.Work {
		return work(func(ctx context.Context, r *harness.Record) error {
			if !picked(r) {
				return honest.Do(ctx, r)
			}
			mixed := *r
			mixed.Key = append([]byte("key-1"), r.Key[len("key-"):]...)
			return honest.Do(ctx, &mixed)
		})
	}),
})
