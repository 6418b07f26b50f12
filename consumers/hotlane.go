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
	Name: "hotlane",
	Doc: "As keyed, but a key with many records waiting is moved to a lane: from then on its records are copied to a topic of their own and worked off there, " +
		"by a group of its own, so that they fill no window that other keys need. It comes back when its copies have been worked off. The workers are shared by both. " +
		"Only who has the partition can copy: the broker keeps out who had it, by transactions.",
	Use: "Where keyed fits but for a key now and then that brings more than one worker can do: all others keep their latency, and order holds. " +
		"The hot key itself is no faster than in keyed; where downstream has a bulk interface, keyed-batch makes it so.",
	Bound: "As keyed, and the backlog of one key holds up no other that is not in the lane too. What goes through the lane costs a copy in a transaction; " +
		"a pod holds up to two windows, and a client for each partition.",
	Crash: "As keyed in the source and as keyed-map in the lane; copies that were not finished in the source are made again, so that a record of a hot key may be " +
		"repeated twice. A transaction cut short holds the lane of its partition up until that has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: laneTopic, Role: harness.RoleOverflow}}
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

func hotAt(v string) (int, error) { return knob.Count(v, "a number of records", 2, mostBatch) }

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
// record of it is copied: call that the way back. And nobody but who has the partition can
// append to its part of the lane: call that the fence, see [relay.OverflowPartition]. The three together
// keep the order of the key, and have no two of its records in work at once:
//
//   - Of two records of a key, the first was worked on directly: it was so before the turn
//     of the second came. It was copied: then so is the second, behind it, or the lane's
//     group had committed past it, and so worked it off, when the second's turn came.
//   - A pod dies, at any moment, or gives a partition back: its successor begins at the
//     commit, has the broker settle what the other had under way, reads of the lane what the
//     group has not committed past, and knows by that which keys are there, before anything
//     of the partition begins. What was copied and not finished in the source it copies, or
//     does, again, after what is in the lane: a record's first effect is never later for that.
//   - A pod stands still for longer than its session, with a copy under way: it is in the
//     lane before the successor reads that, or never. The fence is why: a copy that came
//     later would be worked on beside the successor, who knows nothing of it, and once more
//     than anything explains.
//   - The lane's partition is another pod's than the source's, or changes hands: all that
//     passes between the two is the group's commit, which never says too much.
//
// No state of the keys is kept anywhere else, so none can disagree with the lane.
type hotlane struct{ hot int }

// Consume implements [harness.Consumer].
func (h hotlane) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	return relay.OverflowConsumer{
		Topic: laneTopic,
		Source: func(l *relay.Overflow) pool.Sharded {
			return pool.Sharded{Shard: pool.ByKey(), Batch: max(h.hot, relay.MaxCopyBatch), NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
				return (&diverter{fence: m.Fence(), lane: l, hot: h.hot, worker: pool.NewWorker(w)}).run
			}}
		},
		Overflow: pool.Sharded{Shard: pool.ByKey(), Batch: 1},
	}.Consume(ctx, cfg, work)
}

// diverter takes the records of a shard's turn through the work, or into the lane.
type diverter struct {
	fence   *group.Fence
	lane    *relay.Overflow
	hot     int
	worker  *pool.Worker
	records []*kgo.Record
}

// run is a turn of a shard: its records, as many as make a key hot, or all that wait.
func (d *diverter) run(batch []group.Task) { pool.EachRun(batch, pool.SameKey, d.workOnKey) }

// workOnKey takes records of one key, taken under one assignment.
func (d *diverter) workOnKey(tasks []group.Task) {
	if r := tasks[0].Record; r.Key != nil {
		o := d.lane.Partition(tasks[0].Assignment)
		if holds, err := o.Contains(r.Key); err == nil && (holds || len(tasks) >= d.hot) {
			d.records = relay.CopyBatch(d.fence, tasks, d.records, func(_ context.Context, records []*kgo.Record) error { return o.Append(records) })
			return
		}
	}
	for _, t := range tasks { // where the assignment has ended the worker finds so
		d.worker.Run(t)
	}
}
