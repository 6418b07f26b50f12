package consumers

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "delay",
	Doc: "Works on each record a fixed delay after its arrival. The record is copied to the topic of its level. " +
		"Each level has one delay, so the records of its topic fall due in log order. A partition is paused until " +
		"its first record is due. The header \"delay\" names the level; without it, the hash of the key chooses " +
		"one. Only the owner of a partition can copy its records, hundreds in a transaction, as in forward.",
	Use: "Work for later with a few fixed delays: reminders, orders that are cancelled unless paid, retries. Not " +
		"for a different delay for each record: use a scheduler with a store. The end-to-end latency includes the " +
		"delay.",
	Bound: "W / service time, whatever the keys. Each record is stored, sent and fetched twice. A pod has a client for each " +
		"partition of the source.",
	Crash: "As unordered in each topic. Records that were copied and not yet committed in the source are copied " +
		"again, and worked on twice. A transaction that a crash interrupts holds up the records behind it until " +
		"its partition has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	SideTopics:  levelTopics,
	Knobs: []harness.Knob{{
		Name: "levels", Default: "100ms/500ms/1s", Doc: "delays, with a topic each",
		Check: func(v string) error { _, err := parseLevels(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		levels, err := parseLevels(cfg.Knobs["levels"])
		return delay{levels}, err
	},
})

// delayHeader is the key of the header that may name the level of a record, as 500ms.
const delayHeader = "delay"

// parseLevels parses the levels. Each has a topic with its name.
func parseLevels(v string) ([]time.Duration, error) {
	levels, err := knob.Durations(v)
	if err != nil {
		return nil, err
	}
	for i, l := range levels {
		if l%time.Millisecond != 0 {
			return nil, fmt.Errorf("%q: %v is not a whole number of milliseconds", v, l)
		}
		if slices.Contains(levels[:i], l) {
			return nil, fmt.Errorf("%q has %v twice", v, l)
		}
	}
	return levels, nil
}

// levelTopic is the name of the topic of a level.
func levelTopic(d time.Duration) string { return "delay-" + strings.ReplaceAll(d.String(), ".", "-") }

func levelTopics(cfg harness.Config) (topics []harness.SideTopic) {
	levels, _ := parseLevels(cfg.Knobs["levels"]) // New returns the error
	for _, d := range levels {
		topics = append(topics, harness.SideTopic{Name: levelTopic(d), Role: harness.RoleDelay})
	}
	return topics
}

type delay struct{ levels []time.Duration }

// Consume is two members: one of the source's group that copies, and one of a group that
// reads all levels and works on the records that are due.
func (d delay) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	due, delays := cfg, map[string]time.Duration{}
	due.Group = cfg.Group + ".delay"
	var topics []string
	for _, l := range d.levels {
		topics = append(topics, cfg.SideTopics[levelTopic(l)])
		delays[cfg.SideTopics[levelTopic(l)]] = l
	}
	due.Topic = topics[0]
	f, err := relay.NewForwarder(ctx, cfg, due.Group, func(r *kgo.Record) string { return topics[d.chooseLevel(r)] })
	if err != nil {
		return err
	}
	defer f.Close()
	waiting := pool.Sharded{Shard: pool.ByRecord(), Options: group.Options{
		Due: group.DueByTopic(delays), MoreTopics: topics[1:], ReadCommitted: true,
	}}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return f.Source().Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return waiting.Consume(ctx, due, work) },
	)
}

// chooseLevel is the level that a record names, or one by its key, the same in all pods.
func (d delay) chooseLevel(r *kgo.Record) int {
	for _, h := range r.Headers {
		if h.Key == delayHeader {
			if l, err := time.ParseDuration(string(h.Value)); err == nil && slices.Contains(d.levels, l) {
				return slices.Index(d.levels, l)
			}
		}
	}
	return int(crc32.ChecksumIEEE(r.Key) % uint32(len(d.levels)))
}
