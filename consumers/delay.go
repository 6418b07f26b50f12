package consumers

import (
	"context"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "delay",
	Doc: "Each record is worked on a delay after it came: it is copied to the topic of its level, one for each delay, where all wait for as long and so fall due in " +
		"the order of the log. A partition whose next record is not due lies still; nothing sleeps, and nothing is looked at before its time. The level is " +
		"that of the record's header \"delay\", or the key's own.",
	Use: "Reminders, orders that are cancelled unless paid, tries after a while: work for later with a few fixed delays. Not for delays that differ by record: " +
		"a scheduler with a store does that. End-to-end latency counts the delay in.",
	Bound:       "W / service time, whatever the keys; each record is stored, sent and fetched twice.",
	Crash:       "As unordered at each level; and what was copied and not yet committed in the source is copied again, and so worked on twice.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: workers,
	Side:        levelTopics,
	Knobs: []harness.Knob{{
		Name: "levels", Default: "100ms/500ms/1s", Doc: "the delays there are, a topic each",
		Check: func(v string) error { _, err := delays(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		levels, err := delays(cfg.Knobs["levels"])
		return delay{levels}, err
	},
})

// delayHeader is the key of the header in which a record may say its level, as 500ms.
const delayHeader = "delay"

// level is the name of the topic of a delay.
func level(d time.Duration) string { return "delay-" + strings.ReplaceAll(d.String(), ".", "-") }

func levelTopics(cfg harness.Config) (topics []harness.SideTopic) {
	levels, _ := delays(cfg.Knobs["levels"]) // New returns the error
	for _, d := range levels {
		topics = append(topics, harness.SideTopic{Name: level(d), Role: harness.RoleDelay})
	}
	return topics
}

type delay struct{ levels []time.Duration }

// Consume is a member of the source's group that copies, and one of a group that takes all
// levels, and of them what is due.
func (d delay) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copies, err := newCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copies.close()
	due, waits := cfg, map[string]time.Duration{}
	due.Group = cfg.Group + ".delay"
	var topics []string
	for _, l := range d.levels {
		topics = append(topics, cfg.Side[level(l)])
		waits[cfg.Side[level(l)]] = l
	}
	due.Topic = topics[0]
	sort := sorter{copies, topics, d.levels}
	source := sharded{shard: byPartition, batch: carryBatch, turns: carrying(sort.away)}
	waiting := sharded{shard: byNumber(), batch: 1, how: intake{due: byTopic(waits), beside: topics[1:]}}
	return together(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return waiting.Consume(ctx, due, work) },
	)
}

// sorter copies records to the topics of their levels.
type sorter struct {
	copies *copier
	topics []string
	levels []time.Duration
}

func (s sorter) away(ctx context.Context, records []*kgo.Record) error {
	by := make([][]*kgo.Record, len(s.levels))
	for _, r := range records {
		l := s.levelOf(r)
		by[l] = append(by[l], r)
	}
	var errs error
	for l, some := range by {
		if len(some) > 0 {
			_, err := s.copies.copyAll(ctx, s.topics[l], some)
			errs = errors.Join(errs, err)
		}
	}
	return errs
}

// levelOf is the level that a record names, or one that all pods would choose for its key.
func (s sorter) levelOf(r *kgo.Record) int {
	for _, h := range r.Headers {
		if h.Key == delayHeader {
			if d, err := time.ParseDuration(string(h.Value)); err == nil && slices.Contains(s.levels, d) {
				return slices.Index(s.levels, d)
			}
		}
	}
	return int(crc32.ChecksumIEEE(r.Key) % uint32(len(s.levels)))
}
