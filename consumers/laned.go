package consumers

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
)

// laned is a consumer that is two members with the same workers: one of the source's group,
// which copies what it does not work on itself to a lane (see [hotlane] for why the order of
// keys holds), and one of the lane's own.
type laned struct {
	topic  string // topic is the lane's name among the side topics
	source func(*lane) sharded
	lane   sharded
}

// Consume implements [harness.Consumer].
func (c laned) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	drain := cfg
	drain.Topic, drain.Group = cfg.SideTopics[c.topic], cfg.Group+"."+c.topic
	l, err := newLane(ctx, cfg, drain.Topic, drain.Group)
	if err != nil {
		return err
	}
	defer l.close()
	shared := newShared(cfg.Workers)
	source, copies := c.source(l), c.lane
	source.around, copies.around = shared.around, shared.around
	copies.how = intake{committed: true, keeps: true}
	return together(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return copies.Consume(ctx, drain, work) },
	)
}
