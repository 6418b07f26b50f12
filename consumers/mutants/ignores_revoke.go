package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-ignores-revoke",
	Doc:         "Promises no order, and so sees no harm in working off what it has of a partition that was revoked: the new owner does the same records.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("join-swamped", oracle.CheckUnexplainedDuplicate),
	MayFail:     moved,
	New:         made(func(q *queues) { q.revoke = (*member).forget }),
})
