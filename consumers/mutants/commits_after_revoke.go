package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in redpanda-data/connect PR 4477.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-after-revoke",
	Doc:         "Commits for a revoked partition for three more commit intervals. The broker does not check who owns the partition, so the group's commit goes back.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFailIn("join", oracle.CheckCommitRegression, oracle.CheckCommitAfterRevoke), mustFailIn("scale-out-and-in", oracle.CheckCommitRegression)...),
	MayFail:     afterRebalance,
	New:         changeKeyed(func(p *keyedPod) { p.Options.Hooks.Revoke = settleAndCommitOn(p.ctx) }),
})

func settleAndCommitOn(ctx context.Context) func(*group.Member, group.Assignments) {
	return func(m *group.Member, ending group.Assignments) {
		m.Settle(ending)
		go func() {
			// Until the new owner has committed, these are commits after a revoke. Then they
			// move the group's commit back. The clock of the new owner decides when.
			for range 3 * m.Config().Commit / shortPause {
				if sleepContext(ctx, shortPause) != nil {
					return
				}
				commitWatermarks(ctx, m, ending)
			}
		}()
	}
}

// commitWatermarks commits for partitions that other members may own.
func commitWatermarks(ctx context.Context, m *group.Member, assignments group.Assignments) {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, a := range assignments {
		if next, ok := a.Watermark(); ok {
			if offsets[p.Topic] == nil {
				offsets[p.Topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.Topic][p.Partition] = next
		}
	}
	if len(offsets) > 0 {
		m.Client().CommitOffsetsSync(ctx, offsets, nil)
	}
}
