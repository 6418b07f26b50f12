package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-after-revoke",
	Doc:         "Does not care that a partition is revoked: it commits no more for it, and works off what it has of it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("join", oracle.CheckZombie),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckOverlap, Why: "the new owner works on the same keys meanwhile"},
		{Check: oracle.CheckUnexplainedDuplicate, Why: "a record that it does after the new owner did is repeated without a rewind"},
		{Check: oracle.CheckKeyInversion, Why: "what the new owner has done already it does again, out of order"},
	}, moved...),
	New: made(func(q *queues) {
		q.revoke = (*member).forget
	}),
})
