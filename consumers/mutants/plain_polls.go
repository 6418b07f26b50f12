package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

// polls is a consumer that takes one poll after the other through a step and commits after
// each: one record at a time, in partition order. It is the serial design with another step.
type polls struct{ change func(*pollingPod) }

// pollingPod is the consumer in one pod. A change sets options and step before it runs.
type pollingPod struct {
	ctx     context.Context
	cfg     harness.Config
	options group.Options
	step    func(m *group.Member, work harness.Work, tasks []group.Task)
}

func changePolls(change func(*pollingPod)) func(harness.Config) (harness.Consumer, error) {
	return func(harness.Config) (harness.Consumer, error) { return polls{change}, nil }
}

// Consume implements [harness.Consumer].
func (c polls) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	p := &pollingPod{ctx: ctx, cfg: cfg, step: func(_ *group.Member, work harness.Work, tasks []group.Task) {
		pool.NewWorker(work).RunBatch(tasks)
	}}
	c.change(p)
	return group.RunMemberships(func() error { return p.runMembership(w) })
}

func (p *pollingPod) runMembership(w harness.Work) error {
	m, err := group.Join(p.ctx, p.cfg, p.options)
	if err != nil {
		return err
	}
	defer m.Leave(func() {})
	work := m.Fence().Wrap(w)
	for p.ctx.Err() == nil {
		tasks, err := m.Poll(p.ctx, p.cfg.MaxPoll, nil)
		if err != nil {
			return err
		}
		p.step(m, work, tasks)
		_ = m.Commit() // the next commit makes up for one that fails
	}
	return nil
}
