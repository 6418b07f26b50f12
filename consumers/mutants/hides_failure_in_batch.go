package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// batchOf is how many records of a queue a batch has at most.
const batchOf = 10

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-hides-failure-in-batch",
	Doc:         "Counts all of a batch as done when one of it failed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("failing", oracle.CheckLoss, oracle.CheckPrematureCommit),
	New: made(func(q *queues) {
		q.batch = batchOf
		q.run = func(m *member, batch []task) {
			_ = m.tryBatch(batch)
			for _, t := range batch {
				t.of.pass(t.Offset, t.of.ctx.Err() == nil)
			}
		}
	}),
})

// tryBatch works on the records of a batch up to the first that fails, and
// returns how many were done.
func (m *member) tryBatch(batch []task) (done int) {
	for _, t := range batch {
		if m.work.Do(t.of.ctx, view(t.Record)) != nil {
			break
		}
		done++
	}
	return done
}
