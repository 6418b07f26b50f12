package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-keeps-stale-state",
	Doc:         "Keeps what it knows of a partition when that is revoked, and goes on from there when it comes back: it commits what it would have then.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("there-and-back", oracle.CheckCommitRegression),
	MayFail:     append([]harness.Allowance{{Check: oracle.CheckStall, Why: "what it believes to have in hand fills its window"}}, moved...),
	New: made(func(q *queues) {
		kept := map[place]*hold{}
		q.assign = func(m *member, p place) *hold {
			if h := kept[p]; h != nil {
				h.reopen(m.ctx)
			} else {
				kept[p] = newHold(m.ctx)
			}
			return kept[p]
		}
	}),
})

// reopen lets a hold that has ended take records again, on top of what it has.
func (h *hold) reopen(parent context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ctx, h.cancel = context.WithCancel(parent)
	h.ended, h.quiet = false, make(chan struct{})
	h.committed.Store(-1)
}
