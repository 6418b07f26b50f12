package consumers

import (
	"context"
	"hash/maphash"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed",
	Doc: "A queue per key over a pool of workers: keys in parallel, each key in order. Commits the low watermark, " +
		"takes no more than a window beyond it, and drains on revoke. A crash repeats up to a window; one slow record holds the watermark.",
	Use: "The first choice where order by key is wanted and keys are many. Not where one key alone is more than a worker can do, " +
		"or records may be slow for as long as a window takes.",
	Bound:       "W / service time in all, 1 / service time for one key; a window M that is full of one key's backlog holds up the others.",
	Crash:       "Repeats what was taken and lies above the low watermark at the last commit: at most M, and what a commit interval finished.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	New:         func(harness.Config) (harness.Consumer, error) { return Sharded(byKey()), nil },
})

// workers is the parallelism of a pool that any record can occupy.
func workers(cfg harness.Config) int { return cfg.Workers }

// Sharded returns a consumer that works on records of different shards in
// parallel and on records of one shard in log order, on a pool of cfg.Workers. A
// shard is whatever the function makes of a record: its key, its partition, or a
// number of its own for no order at all.
func Sharded(shard func(*kgo.Record) uint64) harness.Consumer { return sharded{shard: shard, batch: 1} }

// byKey makes a shard of each key. A record without a key is in order with
// nothing: its place in the log is its shard.
func byKey() func(*kgo.Record) uint64 {
	seed := maphash.MakeSeed()
	return func(r *kgo.Record) uint64 {
		if r.Key == nil {
			return maphash.Comparable(seed, partitionOffset{r.Partition, r.Offset})
		}
		return maphash.Bytes(seed, r.Key)
	}
}

type partitionOffset struct {
	partition int32
	offset    int64
}

// crew works on what is submitted to it, see [scheduler].
type crew interface {
	submit(tasks []task, shard func(task) uint64)
	close()
}

type sharded struct {
	shard func(*kgo.Record) uint64
	how   intake
	batch int // batch is how many records of a shard a worker takes at a time, at most

	// turns makes what a worker does with those, see [newSchedulerOfTurns]. nil is one
	// call of the work for all.
	turns func(*member, harness.Work) func(first task, more []task)

	// crew makes what works on the records instead of a scheduler of tasks. nil is none.
	crew func(*member, harness.Work) crew

	// around is what calls of the work go through before they begin. nil is nothing.
	around func(harness.Work) harness.Work
}

// Consume polls as long as the window has room and hands what it gets to the
// scheduler; the member does the rest.
func (c sharded) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	return again(func() error { return c.member(ctx, cfg, work) })
}

func (c sharded) member(ctx context.Context, cfg harness.Config, work harness.Work) error {
	m, err := join(ctx, cfg, c.how)
	if err != nil {
		return err
	}
	work = m.fence.Around(work)
	if c.around != nil { // around the fence, lest a call waits beyond it
		work = c.around(work)
	}
	var pool crew
	if c.crew != nil {
		pool = c.crew(m, work)
	} else {
		pool = c.pool(m, work)
	}
	defer m.leave(pool.close)
	shard := func(t task) uint64 { return c.shard(t.record) }
	var tasks []task
	for {
		room := m.window.wait(ctx)
		if room == 0 {
			return nil
		}
		if tasks, err = m.poll(ctx, min(room, cfg.MaxPoll), tasks[:0]); err != nil {
			return err
		}
		pool.submit(tasks, shard)
		clear(tasks) // they may be finished long before the next poll
	}
}

func (c sharded) pool(m *member, work harness.Work) *scheduler[task] {
	cfg := m.cfg
	if c.batch > 1 || c.turns != nil {
		return newSchedulerOfTurns(cfg.Workers, cfg.Window, c.batch, func() func(task, []task) {
			if c.turns != nil {
				return c.turns(m, work)
			}
			return newBatchWorker(work, c.batch).run
		})
	}
	return newScheduler(cfg.Workers, cfg.Window, func() func(task) { return (&worker{work: work}).run })
}
