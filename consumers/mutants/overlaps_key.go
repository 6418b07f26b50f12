package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-overlaps-key",
	Doc:         "Works on two records of one key at once.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckOverlap),
	MayFail:     []harness.Allowance{{Check: oracle.CheckKeyInversion, Why: "of two at once the later may be done first"}},
	New:         unordered(overlap),
})

func overlap(honest harness.Work) harness.Work {
	var p pairs
	return work(func(ctx context.Context, r *harness.Record) error {
		if release := p.meet(ctx, string(r.Key)); release != nil {
			release()
		}
		return honest.Do(ctx, r)
	})
}
