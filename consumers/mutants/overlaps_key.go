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
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckOverlap),
	MayFail:     []harness.Allowance{{Check: oracle.CheckKeyInversion, Why: "of two records in work at once, the later may be completed first"}},
	New:         tamperedUnordered(overlapPairs),
})

func overlapPairs(honest harness.Work) harness.Work {
	var p pairs
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if release := p.meetPartner(ctx, string(r.Key)); release != nil {
			release()
		}
		return honest.Do(ctx, r)
	})
}
