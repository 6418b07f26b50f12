package consumers

import (
	"context"
	"fmt"
	"strconv"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "hotlane",
	Doc: "As keyed, but a key with many records waiting is moved to a lane: from then on its records are copied to a topic of their own and worked off there, " +
		"by a group of its own, so that they fill no window that other keys need. It comes back when its copies have been worked off. The workers are shared by both.",
	Use: "Where keyed fits but for a key now and then that brings more than one worker can do: all others keep their latency, and order holds. " +
		"The hot key itself is no faster than in keyed; where downstream has a bulk interface, keyed-batch makes it so.",
	Bound:    "As keyed, and the backlog of one key holds up no other. What goes through the lane costs a copy.",
	Crash:    "As keyed in both topics; copies that were not finished in the source are made again, so that a record of a hot key may be repeated twice.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderKey,
	Parallelism: func(cfg harness.Config) int {
		return cfg.Workers
	},
	Side: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: laneTopic, Role: harness.RoleLane}}
	},
	Knobs: []harness.Knob{{
		Name: "hot", Default: "8", Doc: "records of a key that wait when it becomes hot",
		Check: func(v string) error { _, err := hotAt(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		hot, err := hotAt(cfg.Knobs["hot"])
		return hotlane{hot}, err
	},
})

const laneTopic = "lane"

func hotAt(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 2 || n > mostBatch {
		return 0, fmt.Errorf("%q is not a number of records from 2 to %d", v, mostBatch)
	}
	return n, nil
}

// hotlane is two members: one of the source's group, one of the lane's. A key is hot when
// as many of its records wait in the pod as make it so: not how often it comes is what
// hurts the others, but how much of the window it holds. That is counted exactly, by what
// the scheduler has of the key, in no more memory than the window's; a sketch of
// frequencies would only guess at it.
//
// To copy a record to the lane is its turn in the per-key scheduler, instead of the work.
// So whoever has the partition copies a record only when all before it of its key have had
// their effect, or have been copied before it to the same partition of the lane: call that
// the barrier. While the lane may hold copies of a key that were not worked off, every
// record of it is copied: call that the way back. Both together keep the order of the key:
//
//   - Of two records of a key, the first was worked on directly: it was so before the turn
//     of the second came. It was copied: then so is the second, behind it, or the lane's
//     group had committed past it, and so worked it off, when the second's turn came.
//   - A pod dies, or gives a partition back: its successor begins at the commit, reads of the
//     lane what the group has not committed past, and knows by that which keys are there,
//     before anything of the partition begins. What was copied and not finished in the
//     source it copies, or does, again: a record's first effect is never later for that.
//   - A pod that lost the partition and does not know it yet appends a copy after its
//     successor has read the lane. By the barrier all before that record have had their
//     effect or lie in the lane before it, so that its first effect, by the copy or by the
//     successor, is in order; whichever is second is a repetition.
//
// No state of the keys is kept anywhere else, so none can disagree with the lane.
type hotlane struct{ hot int }

// Consume implements [harness.Consumer].
func (h hotlane) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	drain := cfg
	drain.Topic, drain.Group = cfg.Side[laneTopic], cfg.Group+"."+laneTopic
	l, err := newLane(ctx, cfg, drain.Topic, drain.Group)
	if err != nil {
		return err
	}
	defer l.close()
	shared := newShared(cfg.Workers)
	source := sharded{shard: byKey(), batch: h.hot, around: shared.around, turns: func(m *member, w harness.Work) func(task, []task) {
		return (&diverter{fence: &m.fence, lane: l, hot: h.hot, worker: worker{work: w}}).run
	}}
	return together(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error {
			return sharded{shard: byKey(), batch: 1, around: shared.around}.Consume(ctx, drain, work)
		},
	)
}

// diverter takes the records of a shard's turn through the work, or into the lane.
type diverter struct {
	fence   *Fence
	lane    *lane
	hot     int
	worker  worker
	turn    []task
	records []*kgo.Record
}

// run is a turn of a shard: its records, as many as make a key hot, or all that wait.
func (d *diverter) run(first task, more []task) {
	d.turn = append(append(d.turn[:0], first), more...)
	runs(d.turn, oneBatch, d.key)
	clear(d.turn)
}

// key takes records of one key, taken under one assignment.
func (d *diverter) key(tasks []task) {
	a, r := tasks[0].from, tasks[0].record
	if r.Key == nil || !d.diverts(a, r, len(tasks)) {
		for _, t := range tasks {
			d.worker.run(t)
		}
		return
	}
	d.records = carry(d.fence, tasks, d.records, func(ctx context.Context, records []*kgo.Record) error {
		keys, err := d.lane.keysOf(a, records[0].Partition)
		if err != nil {
			return err
		}
		return d.lane.divert(ctx, keys, records)
	})
}

// diverts reports whether records of a key go to the lane: it is hot, or not all of it that
// is there has been worked off. Where that is not to be learned the assignment has ended,
// and the worker finds so.
func (d *diverter) diverts(a *assignment, r *kgo.Record, waiting int) bool {
	keys, err := d.lane.keysOf(a, r.Partition)
	return err == nil && (waiting >= d.hot || d.lane.in(a.ctx, r.Partition, keys, r.Key))
}
