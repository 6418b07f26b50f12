package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-too-parallel",
	Doc:         "Begins every record as soon as it has it: works on its whole window at once, and declares its workers.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("busy", oracle.CheckExcessParallelism),
	New: made(func(q *queues) {
		q.submit = func(m *member, t task) { m.workers.Go(func() { m.begin(t) }) }
	}),
})
