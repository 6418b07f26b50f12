package mutants

import (
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-too-parallel",
	Doc:         "Begins every record as soon as it has it: it works on its whole window at once, and declares only its workers.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("busy", oracle.CheckExcessParallelism),
	New: changeKeyed(func(p *keyedPod) {
		p.Shard, p.cfg.Workers = pool.ByRecord(), p.cfg.Window
	}),
})
