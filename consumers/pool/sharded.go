package pool

import (
	"context"
	"hash/maphash"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ByKey makes a shard of each key. A record without a key is a shard of its own.
func ByKey() func(*kgo.Record) uint64 {
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

// Workers work on the records that are submitted to them, see [Scheduler].
type Workers interface {
	Submit(tasks []group.Task, shard func(group.Task) uint64)
	Close()
}

// Sharded is a consumer with a pool of cfg.Workers. It works on different shards in parallel
// and on the records of one shard in log order. It polls no more than
// the window has room for and commits the low watermark.
type Sharded struct {
	// Shard names the shard of a record: its key, its partition, or a number of its own
	// for no order at all. It is called by one goroutine.
	Shard func(*kgo.Record) uint64

	// Options of the group member.
	Options group.Options

	// Batch is how many records of a shard a worker takes at a time, at most; 0 is 1.
	Batch int

	// NewWorker makes a worker, which gets up to Batch records of a shard at a time. nil is
	// one that calls the work for each, or for all of a key at once where Batch is above 1.
	NewWorker func(*group.Member, harness.Work) func([]group.Task)

	// NewWorkers makes what takes the place of the pool. nil is a [Scheduler].
	NewWorkers func(*group.Member, harness.Work) Workers

	// Wrap is what calls of the work go through before they begin. nil is nothing.
	Wrap func(harness.Work) harness.Work
}

// Consume implements [harness.Consumer]. It polls as long as the window has room and
// submits the records to the pool; the member does the rest.
func (c Sharded) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	return group.RunMemberships(func() error { return c.runMembership(ctx, cfg, work) })
}

func (c Sharded) runMembership(ctx context.Context, cfg harness.Config, work harness.Work) error {
	m, err := group.Join(ctx, cfg, c.Options)
	if err != nil {
		return err
	}
	work = m.Fence().Wrap(work)
	if c.Wrap != nil { // outside the fence: a call that waited here must still pass the fence
		work = c.Wrap(work)
	}
	var pool Workers
	if c.NewWorkers != nil {
		pool = c.NewWorkers(m, work)
	} else {
		pool = c.newScheduler(m, work)
	}
	defer m.Leave(pool.Close)
	shard := func(t group.Task) uint64 { return c.Shard(t.Record) }
	var tasks []group.Task
	for {
		room := m.WaitForRoom(ctx)
		if room == 0 {
			return nil
		}
		if tasks, err = m.Poll(ctx, min(room, cfg.MaxPoll), tasks[:0]); err != nil {
			return err
		}
		pool.Submit(tasks, shard)
		clear(tasks) // they may finish long before the next poll
	}
}

func (c Sharded) newScheduler(m *group.Member, work harness.Work) *Scheduler[group.Task] {
	cfg := m.Config()
	if c.Batch > 1 || c.NewWorker != nil {
		return NewBatchScheduler(cfg.Workers, cfg.Window, max(c.Batch, 1), func() func([]group.Task) {
			if c.NewWorker != nil {
				return c.NewWorker(m, work)
			}
			return newBatchWorker(work, c.Batch).runBatch
		})
	}
	return NewScheduler(cfg.Workers, cfg.Window, func() func(group.Task) { return NewWorker(work).Run })
}

// ByPartition makes a shard of each partition.
func ByPartition(r *kgo.Record) uint64 { return uint64(r.Partition) }

// ByRecord makes a shard of each record.
func ByRecord() func(*kgo.Record) uint64 {
	var n uint64
	return func(*kgo.Record) uint64 {
		n++
		return n
	}
}
