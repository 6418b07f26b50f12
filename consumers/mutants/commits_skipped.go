package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-skipped",
	Doc:         "Skips what is still queued when its partition is revoked, as it should, and counts what it skipped as done: the last commit is past it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("join", oracle.CheckLoss, oracle.CheckPrematureCommit),
	MayFail:     moved,
	New: made(func(q *queues) {
		q.skip = func(_ *member, t task) { t.of.pass(t.Offset, true) }
	}),
})
