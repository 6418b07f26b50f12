package consumers

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "serial",
	Doc: "Poll, work, commit: one record at a time, in partition order. Commits after each batch, and at each " +
		"commit interval during a long batch. The simplest design.",
	Use: "One record at a time per pod is fast enough. Or all records of a partition must be completed in order, " +
		"by code that is easy to trust.",
	Bound:    "1 / service time a pod, and no more pods than partitions.",
	Crash:    "Repeats the work since the last commit: one batch, or a commit interval of a long batch.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderPartition,
	New:      func(harness.Config) (harness.Consumer, error) { return serial{}, nil },
})

type serial struct{}

// Consume works on one poll after the other. A rebalance waits only for the record in
// work: the rest of a revoked partition is dropped.
func (serial) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	return group.RunMemberships(func() error { return consumeSerially(ctx, cfg, work) })
}

func consumeSerially(ctx context.Context, cfg harness.Config, work harness.Work) error {
	m, err := group.Join(ctx, cfg, group.Options{})
	if err != nil {
		return err
	}
	defer m.Leave(func() {})
	w := pool.NewWorker(m.Fence().Wrap(work))
	var tasks []group.Task
	for ctx.Err() == nil {
		if tasks, err = m.Poll(ctx, min(cfg.MaxPoll, cfg.Window), tasks[:0]); err != nil {
			return err
		}
		w.RunBatch(tasks)
		_ = m.Commit() // the next commit makes up for one that fails
	}
	return nil
}
