package mutants

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in segmentio/kafka-go 439 and IBM/sarama 2940.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-overtake",
	Doc:         "Commits the watermark in a goroutine of its own for each completed record. These goroutines overtake each other, and the group's commit goes back.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFail(oracle.CheckCommitRegression), mustFailIn("churn", oracle.CheckCommitRegression)...),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckStalledCommit, Why: "the last commit may be an old one"},
	}, afterRebalance...),
	New: changeKeyed(commitInGoroutines),
})

func commitInGoroutines(p *keyedPod) {
	var commits sync.WaitGroup
	p.Options.Hooks.Offset = func(*group.Assignment) (kgo.EpochOffset, bool) { return kgo.EpochOffset{}, false }
	p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
		m.Settle(ending)
		commits.Wait() // no commit is late: the order alone takes the group back
	}
	p.NewWorker = func(m *group.Member, work harness.Work) func([]group.Task) {
		honest := pool.NewWorker(work)
		return func(batch []group.Task) {
			for _, t := range batch {
				offset := t.Record.Offset
				honest.Run(t)
				if next, ok := t.Assignment.Watermark(); ok && t.Assignment.Context().Err() == nil {
					commits.Go(func() {
						_ = sleepContext(p.ctx, time.Duration(offset%4)*shortPause) // what a busy scheduler does
						commitOne(p.ctx, m, t.Assignment.Partition(), next)
					})
				}
			}
		}
	}
}

// commitOne commits an offset of one partition.
func commitOne(ctx context.Context, m *group.Member, p group.TopicPartition, next kgo.EpochOffset) {
	m.Client().CommitOffsetsSync(context.WithoutCancel(ctx), map[string]map[int32]kgo.EpochOffset{p.Topic: {p.Partition: next}}, nil)
}
