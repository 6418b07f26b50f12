package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-requeues-failed",
	Doc:         "Puts a record whose work failed to the back of its queue, and lets later ones of its key pass.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("failing", oracle.CheckRetryOvertaking),
	New: made(func(q *queues) {
		q.run = func(m *member, batch []task) {
			for _, t := range batch {
				if m.work.Do(t.of.ctx, view(t.Record)) == nil {
					t.of.pass(t.Offset, true)
					continue
				}
				m.workers.Go(func() { // later: the worker must not wait for room in its own queue
					if sleep(t.of.ctx, 10*pause) != nil {
						t.of.pass(t.Offset, false)
						return
					}
					m.steps.submit(m, t)
				})
			}
		}
	}),
})
