package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-unfenced",
	Doc:         "Begins records after it stood still for longer than its session, before it can have heard that it was expelled, as everybody does who has no fence.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("pause", oracle.CheckUnfencedWork),
	MayFail:     moved,
	New: made(func(q *queues) {
		q.fence = func(_ *member, w harness.Work) harness.Work { return w }
	}),
})
