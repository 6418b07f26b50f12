package consumers

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "serial",
	Doc: "Poll, work, commit: one record at a time, in partition order. Commits after each batch, and on the commit interval inside a long one. " +
		"The least that can go wrong, and one record per service time and pod.",
	Use:      "Where one record at a time per pod is fast enough, or all records of a partition must be done in order by code that is easy to believe.",
	Bound:    "1 / service time a pod, and no more pods than partitions.",
	Crash:    "Repeats what was done since the last commit: one poll, or a commit interval of a long one.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderPartition,
	New:      func(harness.Config) (harness.Consumer, error) { return serial{}, nil },
})

type serial struct{}

// Consume works off one poll after the other. A rebalance does not wait for the
// batch, only for the record in work: the rest of a partition that is revoked
// finds its assignment ended and is dropped.
func (serial) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	return again(func() error { return serially(ctx, cfg, work) })
}

func serially(ctx context.Context, cfg harness.Config, work harness.Work) error {
	m, err := join(ctx, cfg, intake{})
	if err != nil {
		return err
	}
	defer m.leave(func() {})
	w := worker{work: m.fence.Around(work)}
	var tasks []task
	for ctx.Err() == nil {
		if tasks, err = m.poll(ctx, cfg.MaxPoll, tasks[:0]); err != nil {
			return err
		}
		for _, t := range tasks {
			w.run(t)
		}
		_ = m.commit() // what fails here is made up for by the next
	}
	return nil
}
