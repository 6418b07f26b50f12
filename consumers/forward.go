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
	Doc: "Copies records to a topic with several times as many partitions, hundreds in a transaction. A second " +
		"group works on the copies by key. The source is copied without waiting for the work, so more pods share " +
		"the backlog of a few partitions. Transactions fence previous owners: only the owner of a partition can " +
		"copy its records.",
	Use: "A backlog in a topic with too few partitions, as a temporary measure, with more pods at hand. Each record is stored, " +
		"sent and fetched twice. A source with enough partitions does not need it.",
	Bound: "W / service time in all, 1 / service time for one key, and as many pods as the wide topic has " +
		"partitions. Copying is limited to a window of each partition per transaction. A pod has up to two " +
		"windows of records, and a client for each partition of the source.",
	Crash: "As keyed in the wide topic. Records that were copied and not yet committed in the source are copied " +
		"again, and worked on twice. A transaction that a crash interrupts holds up the copies behind it until " +
		"its partition has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(cfg harness.Config) []harness.SideTopic {
		times, _ := parseWidth(cfg.Knobs["width"]) // New returns the error
		return []harness.SideTopic{{Name: wideTopic, Role: harness.RoleWide, Times: times}}
	},
	Knobs: []harness.Knob{{
		Name: "width", Default: "4", Doc: "partitions of the wide topic, as a multiple of the source's",
		Check: func(v string) error { _, err := parseWidth(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		_, err := parseWidth(cfg.Knobs["width"])
		return forward{}, err
	},
})

const wideTopic = "wide"

func parseWidth(v string) (int, error) { return knob.Count(v, "a multiple", 1, 100) }

// forward is two members: one of the source's group that copies, and one of the wide
// topic's that works.
//
// Only the owner of a source partition copies its records, in order. All records of a key go
// to one partition of the wide topic. So the first copies of a key lie there in order: an
// owner that starts at a commit copies again what lies behind it, in order.
//
// A late copy by a pod that stood still would be worked on once more than any rebalance
// explains. [relay.Forwarder] prevents it. If a transaction fails its outcome is unknown.
// Retrying could append the copies twice. So the member leaves, and a new one starts at
// the commit.
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
	copies := pool.Sharded{Shard: pool.ByKey(), Options: group.Options{ReadCommitted: true}}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return f.Source().Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return copies.Consume(ctx, wide, work) },
	)
}
