package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-swallows-error",
	Doc:         "Swallows the error of the work: what failed counts as done.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("failing", oracle.CheckLoss, oracle.CheckPrematureCommit),
	New: made(func(q *queues) {
		q.do = func(ctx context.Context, m *member, t task) error {
			_ = m.work.Do(ctx, view(t.Record))
			return ctx.Err()
		}
	}),
})
