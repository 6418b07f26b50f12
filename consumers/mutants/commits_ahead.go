package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-ahead",
	Doc:         "Commits one past the low watermark: the record that it has yet to finish counts as done.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("uneven", oracle.CheckPrematureCommit),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckStalledCommit, Why: "the record that its commit is past may take long yet, and the next is done"},
	},
	New: made(func(q *queues) {
		q.offset = func(h *hold) (int64, bool) {
			next, ok := h.low()
			return next + 1, ok
		}
	}),
})
