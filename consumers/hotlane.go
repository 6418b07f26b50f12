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
	Doc: "As keyed, but a key with many waiting records is moved to an overflow topic: from then on its records " +
		"are copied there, and a second group works on them. They fill no window that other keys need. The key " +
		"comes back when all its copies are completed. Both groups share the workers. Transactions fence previous " +
		"owners of a partition.",
	Use: "As keyed, where now and then a key gets more records than one worker can work on: the other keys keep " +
		"their latency, and order holds. The hot key itself is no faster than in keyed. With a bulk interface " +
		"downstream, keyed-batch makes it faster.",
	Bound: "As keyed, and the backlog of one key holds up no key outside the overflow topic. Each record there " +
		"costs a copy in a transaction. A pod has up to two windows of records, and a client for each partition.",
	Crash: "As keyed in the source and as keyed-map in the overflow topic. Records that were copied and not yet " +
		"committed in the source are copied again, so a record of a hot key may be repeated twice. A transaction " +
		"that a crash interrupts holds up the overflow of its partition until the partition has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: overflowTopic, Role: harness.RoleOverflow}}
	},
	Knobs: []harness.Knob{{
		Name: "hot", Default: "8", Doc: "waiting records that make a key hot",
		Check: func(v string) error { _, err := parseHot(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		hot, err := parseHot(cfg.Knobs["hot"])
		return hotlane{hot}, err
	},
})

const overflowTopic = "overflow"

func parseHot(v string) (int, error) { return knob.Count(v, "a number of records", 2, maxBatch) }

// hotlane is two members: one of the source's group, one of the overflow topic's.
//
// A key is hot when that many of its records wait in the pod. A key delays other keys by the
// space that it takes in the window, not by its rate. The scheduler knows the number of
// waiting records exactly. A sketch of frequencies would guess it.
//
// Copying a record to the overflow topic takes the place of its work in the scheduler. Three
// rules follow:
//
//   - Barrier: the owner of the partition copies a record only when all earlier records of
//     its key are completed, or copied before it to the same overflow partition.
//   - Way back: while the overflow topic may hold copies of a key that are not completed,
//     every further record of the key is copied.
//   - Fence: only the owner of the source partition can append to its overflow partition, see
//     [relay.OverflowPartition].
//
// With these rules the records of a key stay in order, and no two of them are in work at
// once:
//
//   - Of two records of a key, the first was worked on in the source: then it was completed
//     before the second's turn. Or it was copied: then the second is copied behind it, or
//     the overflow group had committed past the first before the second's turn.
//   - A pod dies, or a partition is revoked. The new owner starts at the commit, has the
//     broker abort an open transaction, and reads what the overflow group has not committed
//     past. So it knows the keys there before it starts any record. Records that were
//     copied and not completed in the source are copied or worked on again, behind those copies.
//   - A pod stands still for longer than its session while it copies. Its copy is appended
//     before the new owner reads the topic, or never, because of the fence. A late copy
//     would be worked on at the same time as the new owner's records.
//   - The overflow partition has another owner than the source's, or gets a new one. Only the
//     overflow group's commit connects the two, and it is never too high.
//
// The state of a key is stored nowhere else, so nothing can contradict the overflow topic.
type hotlane struct{ hot int }

// Consume implements [harness.Consumer].
func (h hotlane) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	return relay.OverflowConsumer{
		Topic: overflowTopic,
		Source: func(o *relay.Overflow) pool.Sharded {
			return pool.Sharded{
				Shard: pool.ByKey(),
				Batch: max(h.hot, relay.MaxCopyBatch),
				NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
					return (&divertWorker{fence: m.Fence(), overflow: o, hot: h.hot, worker: pool.NewWorker(w)}).divertHotKeys
				},
			}
		},
		Overflow: pool.Sharded{Shard: pool.ByKey()},
	}.Consume(ctx, cfg, work)
}

// divertWorker works on the records of a shard or, if their key is hot, copies them to the
// overflow topic.
type divertWorker struct {
	fence    *group.Fence
	overflow *relay.Overflow
	hot      int
	worker   *pool.Worker
	records  []*kgo.Record
}

func (d *divertWorker) divertHotKeys(batch []group.Task) {
	pool.EachRun(batch, pool.SameKey, d.workOnKey)
}

// workOnKey takes records of one key and one assignment.
func (d *divertWorker) workOnKey(tasks []group.Task) {
	if r := tasks[0].Record; r.Key != nil {
		p := d.overflow.Partition(tasks[0].Assignment)
		if contains, err := p.Contains(r.Key); err == nil && (contains || len(tasks) >= d.hot) {
			d.records = relay.CopyBatch(d.fence, tasks, d.records, func(_ context.Context, records []*kgo.Record) error { return p.Append(records) })
			return
		}
	}
	d.worker.RunBatch(tasks) // it drops the tasks of an assignment that has ended
}
