package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-after-revoke",
	Doc:         "Goes on committing for a partition for three commit intervals after it was revoked: the broker does not ask whose it is, and the group goes back.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("join", oracle.CheckCommitRegression, oracle.CheckCommitAfterRevoke),
	MayFail:     moved,
	New:         made(func(q *queues) { q.revoke = settleAndCommitLater }),
})

func settleAndCommitLater(m *member, taken map[place]*hold) {
	m.settle(taken)
	m.ticking.Go(func() {
		// Before the new owner has committed these are commits after a revoke, then the
		// group goes back; when that will be depends on its clock.
		for range 3 * m.cfg.Commit / pause {
			if sleep(m.ctx, pause) != nil {
				return
			}
			m.commitAgain(taken)
		}
	})
}

// commitAgain commits for partitions whosoever they are.
func (m *member) commitAgain(taken map[place]*hold) {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, h := range taken {
		if next, ok := h.low(); ok {
			if offsets[p.topic] == nil {
				offsets[p.topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.topic][p.partition] = kgo.EpochOffset{Epoch: -1, Offset: next}
		}
	}
	if len(offsets) > 0 {
		_ = m.commit(m.ctx, offsets)
	}
}
