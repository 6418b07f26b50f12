package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-queues-without-limit",
	Doc:         "Polls whatever there is and lets it wait in memory, however far the work is behind. It declares its window.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("memory-under-backlog", oracle.CheckExcessBuffering),
	New: changeKeyed(func(p *keyedPod) {
		p.cfg.Window, p.cfg.MaxPoll = 1<<20, 1<<10
	}),
})
