package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-ignores-revoke",
	Doc:         "Promises no order, and works on the queued records of a revoked partition. The new owner works on the same records.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("join-swamped", oracle.CheckUnexplainedDuplicate, oracle.CheckZombie),
	MayFail:     afterRebalance,
	New:         changeKeyed(func(p *keyedPod) { p.Options.Hooks.Revoke = func(*group.Member, group.Assignments) {} }),
})
