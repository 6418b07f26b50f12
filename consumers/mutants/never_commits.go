package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-never-commits",
	Doc:         "Never commits: whoever gets a partition begins it from the start.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    append(mustIn("steady", oracle.CheckStalledCommit), mustIn("join", oracle.CheckStalledCommit, oracle.CheckRedeliveryOutOfOrder, oracle.CheckRedelivery)...),
	New: made(func(q *queues) {
		q.offset = func(*hold) (int64, bool) { return 0, false }
	}),
})
