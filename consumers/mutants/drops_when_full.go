package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-when-full",
	Doc:         "Drops a record whose queue is full, and counts it as done.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("uneven", oracle.CheckLoss, oracle.CheckPrematureCommit),
	New: made(func(q *queues) {
		q.submit = func(m *member, t task) {
			queue := m.queues[hash(t.Key)%uint32(len(m.queues))]
			if len(queue) == shortQueue {
				t.of.pass(t.Offset, true)
				return
			}
			queue <- t
		}
	}),
})

// shortQueue is what the queue of a worker holds.
const shortQueue = 2
