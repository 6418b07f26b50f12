package mutants

import (
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name:        "plain-batch",
	Doc:         "Takes what waits in a queue as a batch, and tries it again from the first record on that failed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	New: made(func(q *queues) {
		q.batch = batchOf
		q.run = func(m *member, batch []task) {
			for len(batch) > 0 {
				done := m.tryBatch(batch)
				for _, t := range batch[:done] {
					t.of.pass(t.Offset, true)
				}
				if batch = batch[done:]; len(batch) > 0 && sleep(batch[0].of.ctx, pause) != nil {
					batch[0].of.pass(batch[0].Offset, false)
					batch = batch[1:]
				}
			}
		}
	}),
})
