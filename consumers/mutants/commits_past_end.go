package mutants

import (
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-past-end",
	Doc:         "Commits three past what is done when it leaves in good order: past the end of the log, where all is done.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckPrematureCommit),
	New: made(func(q *queues) {
		var leaving atomic.Bool
		q.revoke = func(m *member, taken map[place]*hold) {
			leaving.Store(m.polls.Err() != nil)
			m.settle(taken)
		}
		q.offset = func(h *hold) (int64, bool) {
			next, ok := h.low()
			if leaving.Load() {
				next += 3
			}
			return next, ok
		}
	}),
})
