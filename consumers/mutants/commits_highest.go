package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-highest",
	Doc:         "Commits past the highest completed record, as if all records below it were completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("uneven", oracle.CheckPrematureCommit),
	New:         changeKeyed(func(p *keyedPod) { p.Options.Hooks.Offset = commitHighest }),
})
