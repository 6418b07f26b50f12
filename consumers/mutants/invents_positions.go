package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-invents-positions",
	Doc:         "Works on one record in fifty once more, and says that it lies elsewhere: a little later, past the end of the log, or in another partition.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckPhantom),
	New:         tamperedKeyed(inventPositions),
})

func inventPositions(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		err := honest.Do(ctx, r)
		if err != nil || !isPicked(r) {
			return err
		}
		elsewhere := *r
		switch r.Offset / 50 % 3 {
		case 0:
			elsewhere.Offset += 3
		case 1:
			elsewhere.Offset += 1 << 20
		default:
			elsewhere.Partition ^= 1
		}
		return honest.Do(ctx, &elsewhere)
	})
}
