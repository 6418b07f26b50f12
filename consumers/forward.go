package consumers

import (
	"context"
	"fmt"
	"strconv"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "forward",
	Doc: "Copies what it takes to a topic with several times as many partitions, as fast as the broker takes it, and a group of its own works that off " +
		"by key. It empties the source at once and gets a backlog of few partitions to more pods than could share it there.",
	Use: "A backlog in a topic of too few partitions, on the day itself, with more pods at hand. Not for good: each record is stored, sent and fetched twice, " +
		"and a source with enough partitions does without.",
	Bound:       "W / service time in all, 1 / service time for one key, and as many pods as the wide topic has partitions.",
	Crash:       "As keyed in the wide topic; and what was copied and not yet committed in the source is copied again, and so worked on twice.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Side: func(cfg harness.Config) []harness.SideTopic {
		times, _ := width(cfg.Knobs["width"]) // New returns the error
		return []harness.SideTopic{{Name: wideTopic, Role: harness.RoleWide, Times: times}}
	},
	Knobs: []harness.Knob{{
		Name: "width", Default: "4", Doc: "partitions of the wide topic, in multiples of the source's",
		Check: func(v string) error { _, err := width(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		_, err := width(cfg.Knobs["width"])
		return forward{}, err
	},
})

const wideTopic = "wide"

func width(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 100 {
		return 0, fmt.Errorf("%q is not a multiple from 1 to 100", v)
	}
	return n, nil
}

// forward is a member of the source's group that copies, and one of the wide topic's that
// works. A partition of the source is copied in order and by its owner, and all records of a
// key go to one partition of the wide topic, so that the first copies of a key lie there in
// order, whoever made them: who begins at a commit of the source copies again what lies
// behind, in order, and whatever another still has on its way it had copied all before of.
type forward struct{}

// Consume implements [harness.Consumer].
func (forward) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copies, err := newCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copies.close()
	wide := cfg
	wide.Topic, wide.Group = cfg.Side[wideTopic], cfg.Group+"."+wideTopic
	source := sharded{shard: byPartition, batch: carryBatch, turns: carrying(func(ctx context.Context, records []*kgo.Record) error {
		_, err := copies.copyAll(ctx, wide.Topic, records)
		return err
	})}
	return together(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return Sharded(byKey()).Consume(ctx, wide, work) },
	)
}
