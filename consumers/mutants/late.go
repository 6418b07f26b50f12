package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-late",
	Doc:         "Commits for a partition once more three commit intervals after it was revoked: the broker does not ask whose it is, and the group goes back.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("join", "commit regression", "commit after revoke"),
	MayFail:     moved,
	New:         made(func(q *queues) { q.revoke = settleAndCommitLater }),
})

func settleAndCommitLater(m *member, taken map[place]*hold) {
	m.settle(taken)
	m.ticking.Go(func() {
		if sleep(m.ctx, 3*m.cfg.Commit) != nil {
			return
		}
		offsets := map[string]map[int32]kgo.EpochOffset{}
		for p, h := range taken {
			if next, ok := h.low(); ok {
				offsets[p.topic] = map[int32]kgo.EpochOffset{p.partition: {Epoch: -1, Offset: next}}
				_ = m.commit(m.ctx, offsets)
			}
		}
	})
}
