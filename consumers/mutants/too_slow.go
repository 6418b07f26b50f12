package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-too-slow",
	Doc:         "Waits so long after each record that it cannot keep up, and loses nothing.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckOverload),
	New:         tamperedKeyed(restAfterWork),
})

func restAfterWork(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		err := honest.Do(ctx, r)
		if err == nil {
			_ = sleepContext(ctx, time.Second)
		}
		return err
	})
}
