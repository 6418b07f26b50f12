package relay

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

// OverflowConsumer is a consumer that is two members with the same workers: one of the source's group,
// which copies what it does not work on itself to a lane (see [consumers.hotlane] for why the order of
// keys holds), and one of the lane's own.
type OverflowConsumer struct {
	Topic    string // Topic is the lane's name among the side topics
	Source   func(*Overflow) pool.Sharded
	Overflow pool.Sharded
}

// Consume implements [harness.Consumer].
func (c OverflowConsumer) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	drain := cfg
	drain.Topic, drain.Group = cfg.SideTopics[c.Topic], cfg.Group+"."+c.Topic
	l, err := newOverflow(ctx, cfg, drain.Topic, drain.Group)
	if err != nil {
		return err
	}
	defer l.closeOverflow()
	shared := pool.NewSlots(cfg.Workers)
	source, copies := c.Source(l), c.Overflow
	source.Wrap, copies.Wrap = shared.Wrap, shared.Wrap
	copies.Options = group.Options{ReadCommitted: true, KeepCompleted: true}
	return RunTogether(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return copies.Consume(ctx, drain, work) },
	)
}
