package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in akka/alpakka-kafka 872 and 1038, and in ThreeDotsLabs/watermill-kafka PR 30.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-after-revoke",
	Doc:         "Ignores that a partition is revoked: it commits nothing more for it, and works on its queued records.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFailIn("join-swamped", oracle.CheckZombie), mustFailIn("deploy-under-load", oracle.CheckZombie)...),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckOverlap, Why: "the new owner works on the same keys meanwhile"},
		{Check: oracle.CheckUnexplainedDuplicate, Why: "it repeats a record after the new owner, and the new owner did not read the partition again"},
		{Check: oracle.CheckKeyInversion, Why: "it repeats records that the new owner has completed, out of order"},
	}, afterRebalance...),
	New: changeKeyed(func(p *keyedPod) { p.Options.Hooks.Revoke = func(*group.Member, group.Assignments) {} }),
})
