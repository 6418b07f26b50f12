package consumers

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "forward",
	Doc: "Copies what it takes to a topic with several times as many partitions, hundreds of records in a transaction, and a group of its own works that off " +
		"by key. It empties the source at once and gets a backlog of few partitions to more pods than could share it there. " +
		"Only who has a partition can copy its records: the broker keeps out who had it, by the transactions.",
	Use: "A backlog in a topic of too few partitions, on the day itself, with more pods at hand. Not for good: each record is stored, sent and fetched twice, " +
		"and a source with enough partitions does without.",
	Bound: "W / service time in all, 1 / service time for one key, and as many pods as the wide topic has partitions. What is copied is bounded by the broker: " +
		"a window of each partition in the time of a transaction. A pod holds up to two windows, and a client for each partition of the source.",
	Crash: "As keyed in the wide topic; and what was copied and not yet committed in the source is copied again, and so worked on twice. A transaction cut short " +
		"holds up what was copied behind it until its partition has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(cfg harness.Config) []harness.SideTopic {
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

func width(v string) (int, error) { return knob.Count(v, "a multiple", 1, 100) }

// forward is a member of the source's group that copies, and one of the wide topic's that
// works. A partition of the source is copied in order and by its owner alone, and all
// records of a key go to one partition of the wide topic, so that the first copies of a key
// lie there in order, whoever made them: who begins at a commit of the source copies again
// what lies behind, in order.
//
// A copy that is made late, by who stood still, would be worked on once more than anything
// explains, so nobody can make one (see [relay.exclusiveCopiers]). And of a transaction that failed the end
// is in doubt: to make it again would be to repeat it for no reason that anybody sees.
// The member leaves, and another begins at the commit.
type forward struct{}

// Consume implements [harness.Consumer].
func (forward) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	wide := cfg
	wide.Topic, wide.Group = cfg.SideTopics[wideTopic], cfg.Group+"."+wideTopic
	f, err := relay.NewForwarder(ctx, cfg, wide.Group, func(*kgo.Record) string { return wide.Topic })
	if err != nil {
		return err
	}
	defer f.Close()
	copies := pool.Sharded{Shard: pool.ByKey(), Batch: 1, Options: group.Options{ReadCommitted: true}}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return f.Source().Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return copies.Consume(ctx, wide, work) },
	)
}
