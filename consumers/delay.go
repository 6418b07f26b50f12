package consumers

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "delay",
	Doc: "Each record is worked on a delay after it came: it is copied to the topic of its level, one for each delay, where all wait for as long and so fall due in " +
		"the order of the log. A partition whose next record is not due lies still; nothing sleeps, and nothing is looked at before its time. The level is " +
		"that of the record's header \"delay\", or the key's own. Only who has a partition can copy its records, hundreds in a transaction, as forward does.",
	Use: "Reminders, orders that are cancelled unless paid, tries after a while: work for later with a few fixed delays. Not for delays that differ by record: " +
		"a scheduler with a store does that. End-to-end latency counts the delay in.",
	Bound: "W / service time, whatever the keys; each record is stored, sent and fetched twice, and a pod has a client for each partition of the source.",
	Crash: "As unordered at each level; and what was copied and not yet committed in the source is copied again, and so worked on twice. A transaction cut short " +
		"holds up what falls due behind it until its partition has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	SideTopics:  levelTopics,
	Knobs: []harness.Knob{{
		Name: "levels", Default: "100ms/500ms/1s", Doc: "the delays there are, a topic each",
		Check: func(v string) error { _, err := levelsOf(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		levels, err := levelsOf(cfg.Knobs["levels"])
		return delay{levels}, err
	},
})

// delayHeader is the key of the header in which a record may say its level, as 500ms.
const delayHeader = "delay"

// levelsOf reads the levels, each of which has a topic of its name.
func levelsOf(v string) ([]time.Duration, error) {
	levels, err := delays(v)
	if err != nil {
		return nil, err
	}
	for i, l := range levels {
		if l%time.Millisecond != 0 {
			return nil, fmt.Errorf("%q: %v is no number of milliseconds", v, l)
		}
		if slices.Contains(levels[:i], l) {
			return nil, fmt.Errorf("%q has %v twice", v, l)
		}
	}
	return levels, nil
}

// level is the name of the topic of a delay.
func level(d time.Duration) string { return "delay-" + strings.ReplaceAll(d.String(), ".", "-") }

func levelTopics(cfg harness.Config) (topics []harness.SideTopic) {
	levels, _ := levelsOf(cfg.Knobs["levels"]) // New returns the error
	for _, d := range levels {
		topics = append(topics, harness.SideTopic{Name: level(d), Role: harness.RoleDelay})
	}
	return topics
}

type delay struct{ levels []time.Duration }

// Consume is a member of the source's group that copies, and one of a group that takes all
// levels, and of them what is due.
func (d delay) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	due, waits := cfg, map[string]time.Duration{}
	due.Group = cfg.Group + ".delay"
	var topics []string
	for _, l := range d.levels {
		topics = append(topics, cfg.SideTopics[level(l)])
		waits[cfg.SideTopics[level(l)]] = l
	}
	due.Topic = topics[0]
	f, err := relay.NewForwarder(ctx, cfg, due.Group, func(r *kgo.Record) string { return topics[d.levelOf(r)] })
	if err != nil {
		return err
	}
	defer f.Close()
	waiting := pool.Sharded{Shard: pool.ByRecord(), Batch: 1, Options: group.Options{Due: group.DueByTopic(waits), MoreTopics: topics[1:], ReadCommitted: true}}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return f.Source().Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return waiting.Consume(ctx, due, work) },
	)
}

// levelOf is the level that a record names, or one that all pods would choose for its key.
func (d delay) levelOf(r *kgo.Record) int {
	for _, h := range r.Headers {
		if h.Key == delayHeader {
			if l, err := time.ParseDuration(string(h.Value)); err == nil && slices.Contains(d.levels, l) {
				return slices.Index(d.levels, l)
			}
		}
	}
	return int(crc32.ChecksumIEEE(r.Key) % uint32(len(d.levels)))
}
