package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-highest",
	Doc:         "Commits past the highest record that is done, as if all below it were.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("uneven", oracle.CheckPrematureCommit),
	New:         made(func(q *queues) { q.offset = (*hold).high }),
})
