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
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckOverload),
	New: made(func(q *queues) {
		q.do = func(ctx context.Context, m *member, t task) error {
			err := tryOn(ctx, m, t)
			_ = sleep(ctx, time.Second)
			return err
		}
	}),
})
