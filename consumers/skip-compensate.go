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
	Doc: "As unordered, but a partition that is more records behind its end than a limit continues at the end. " +
		"First the skipped records are written as ranges to a topic. A second group works on the ranges, with the " +
		"workers that recent records leave idle. New records are fast again at once.",
	Use: "The newest records matter most, and the old ones must still be completed, in no order. Not where order " +
		"matters: skipped records come after newer ones.",
	Bound: "W / service time in all. One worker works on a range, one record after the other, and reads it with " +
		"its own client. While recent records occupy all workers, ranges wait.",
	Crash:       "As unordered. A range that was not completed is worked on again from its start.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Buffering:   harness.Unbounded, // each range is read by a client of its own, which fetches past its end
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: rangesTopic, Role: harness.RoleRanges}}
	},
	Knobs: []harness.Knob{{
		Name: "lag", Default: "1000", Doc: "records a partition may be behind its end before it skips them",
		Check: func(v string) error { _, err := parseLag(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		lag, err := parseLag(cfg.Knobs["lag"])
		return skipCompensate{lag}, err
	},
})

const (
	rangesTopic  = "ranges"
	minRangeSize = 100  // a crash repeats at most a range
	maxRanges    = 1000 // maxRanges is the most ranges of one skip
)

func parseLag(v string) (int, error) { return knob.Count(v, "a number of records", 1, 0) }

// skipCompensate is two members: one of the source's group, one of the ranges' group.
//
// The owner of a partition writes the ranges in a transaction, see [relay.Forwarder]. A late
// range, by a pod that stood still, would be worked on once more than any rebalance
// explains. Only after that the member continues at the end: a crash in between writes the range
// again. If a transaction fails its outcome is unknown, and a new member starts at the
// commit.
type skipCompensate struct{ lag int }

// Consume implements [harness.Consumer].
func (s skipCompensate) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	ranges := cfg
	ranges.Topic, ranges.Group = cfg.SideTopics[rangesTopic], cfg.Group+"."+rangesTopic
	f, err := relay.NewForwarder(ctx, cfg, ranges.Group, func(*kgo.Record) string { return ranges.Topic })
	if err != nil {
		return err
	}
	defer f.Close()
	skip := func(ctx context.Context, a *group.Assignment, from, to int64) (bool, error) {
		if to-from <= int64(s.lag) {
			return false, nil
		}
		err := f.Send(ctx, a, cutRanges(a.Partition().Partition, from, to))
		return err == nil, err
	}
	slots := pool.NewSlots(cfg.Workers)
	recent := pool.Sharded{Shard: pool.ByRecord(), Wrap: slots.Wrap, Options: group.Options{SkipBacklog: skip}}
	old := pool.Sharded{
		Shard: pool.ByRecord(), Wrap: slots.WrapLast, Options: group.Options{ReadCommitted: true},
		NewWorker: func(_ *group.Member, w harness.Work) func([]group.Task) {
			return (&rangeWorker{cfg: cfg, work: w}).workOnRanges
		},
	}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return recent.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return old.Consume(ctx, ranges, work) },
	)
}

// cutRanges cuts a range into ranges for one worker each, a record for each.
func cutRanges(partition int32, from, to int64) (records []*kgo.Record) {
	size := max(minRangeSize, (to-from+maxRanges-1)/maxRanges)
	for ; from < to; from += size {
		text, _ := json.Marshal(harness.DeferredRange{Partition: partition, From: from, To: min(from+size, to)}) // numbers cannot fail
		records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "%d/%d", partition, from), Value: text})
	}
	return records
}

// rangeWorker works on the records of ranges.
type rangeWorker struct {
	cfg  harness.Config // cfg is that of the source
	work harness.Work
	view harness.Record
}

func (w *rangeWorker) workOnRanges(batch []group.Task) {
	for _, t := range batch {
		if t.Start() {
			t.Finish(w.workOnRange(t.Assignment.Context(), t.Record.Value) == nil)
		}
	}
}

// workOnRange works on the records of a range until all are completed or ctx has ended.
func (w *rangeWorker) workOnRange(ctx context.Context, text []byte) error {
	var left harness.DeferredRange
	if err := json.Unmarshal(text, &left); err != nil {
		return fmt.Errorf("range: %w", err)
	}
	for {
		err := client.ReadRange(ctx, w.cfg, w.cfg.Topic, left.Partition, left.From, left.To, func(r *kgo.Record) error {
			client.FillRecord(&w.view, r)
			err := pool.Retry(ctx, w.work, &w.view)
			if err == nil {
				left.From = r.Offset + 1
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
