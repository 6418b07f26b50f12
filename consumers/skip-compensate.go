package consumers

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "skip-compensate",
	Doc: "As unordered, but a partition that is further behind its end than a limit goes on at the end: what it skips is recorded first, as ranges in a topic, " +
		"and a group of its own works those off, with the workers that recent records leave idle. New records are quick again at once, old ones come when they come.",
	Use:         "Where the newest matters most and the old must be done all the same, in no order. Not where order matters: what was skipped comes after what is newer.",
	Bound:       "W / service time in all; a range is worked off by one worker, one record after the other, and read by a client of its own. Where recent records leave no worker idle, ranges wait.",
	Crash:       "As unordered; a range that was not finished is worked off again from its begin.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: rangesTopic, Role: harness.RoleRanges}}
	},
	Knobs: []harness.Knob{{
		Name: "lag", Default: "1000", Doc: "records that a partition may be behind its end before it skips them",
		Check: func(v string) error { _, err := lagLimit(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		limit, err := lagLimit(cfg.Knobs["lag"])
		return skipping{limit}, err
	},
})

const (
	rangesTopic = "ranges"
	rangeSize   = 100 // rangeSize is the most offsets of a range: what a crash repeats of it
	mostRanges  = 1000
)

func lagLimit(v string) (int, error) { return knob.Count(v, "a number of records", 1, 0) }

// skipping is two members: one of the source's group, one of that of the ranges. Ranges are
// recorded in a transaction by who has the partition (see [relay.exclusiveCopiers]): one recorded late, by
// who stood still, would be worked off once more than anything explains. Only then the
// member goes on at the end, so that a crash in between has the range recorded again. Of a
// transaction that failed the end is in doubt, and the member begins anew at the commit.
type skipping struct{ limit int }

// Consume implements [harness.Consumer].
func (s skipping) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	ranges := cfg
	ranges.Topic, ranges.Group = cfg.SideTopics[rangesTopic], cfg.Group+"."+rangesTopic
	f, err := relay.NewForwarder(ctx, cfg, ranges.Group, func(*kgo.Record) string { return ranges.Topic })
	if err != nil {
		return err
	}
	defer f.Close()
	shared := pool.NewSlots(cfg.Workers)
	source := pool.Sharded{Shard: pool.ByRecord(), Batch: 1, Wrap: shared.Wrap, Options: group.Options{SkipBacklog: func(ctx context.Context, a *group.Assignment, from, to int64) (bool, error) {
		if to-from <= int64(s.limit) {
			return false, nil
		}
		err := f.Send(ctx, a, rangesOf(a.Partition().Partition, from, to))
		return err == nil, err
	}}}
	behind := pool.Sharded{Shard: pool.ByRecord(), Batch: 2, Wrap: shared.WrapLast, Options: group.Options{ReadCommitted: true}, NewWorker: func(_ *group.Member, w harness.Work) func([]group.Task) {
		return (&compensator{cfg: cfg, work: w}).run
	}}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return behind.Consume(ctx, ranges, work) },
	)
}

// rangesOf cuts a range into such as a worker takes.
func rangesOf(partition int32, from, to int64) (records []*kgo.Record) {
	size := max(rangeSize, (to-from+mostRanges-1)/mostRanges)
	for ; from < to; from += size {
		text, _ := json.Marshal(harness.DeferredRange{Partition: partition, From: from, To: min(from+size, to)}) // of numbers only
		records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "%d/%d", partition, from), Value: text})
	}
	return records
}

// compensator is a worker that works ranges off.
type compensator struct {
	cfg  harness.Config // cfg is that of the source
	work harness.Work
	view harness.Record
}

func (c *compensator) run(batch []group.Task) {
	for _, t := range batch {
		if t.Start() {
			t.Finish(c.workOff(t.Assignment.Context(), t.Record.Value) == nil)
		}
	}
}

// workOff works on the records of a range until all have their effects, or ctx has ended.
func (c *compensator) workOff(ctx context.Context, text []byte) error {
	var set harness.DeferredRange
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("range: %w", err)
	}
	for {
		err := client.ReadRange(ctx, c.cfg, c.cfg.Topic, set.Partition, set.From, set.To, func(r *kgo.Record) error {
			client.FillRecord(&c.view, r)
			err := pool.Retry(ctx, c.work, &c.view)
			if err == nil {
				set.From = r.Offset + 1
			}
			return err
		})
		if err == nil {
			return nil
		}
		if err := client.PauseRetry(ctx, err); err != nil {
			return err
		}
	}
}
