package mutants

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-completes-before-work",
	Doc:         "Counts a record as completed when it gets the record, and works on it two commit intervals later, in order.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckPrematureCommit),
	New: func(harness.Config) (harness.Consumer, error) {
		return deferredWork{pool.Sharded{Shard: pool.ByKey()}}, nil
	},
})

// deferredWork is a consumer whose work is done later than the consumer believes.
type deferredWork struct{ harness.Consumer }

// deferredRecord is a record that counts as completed and is not.
type deferredRecord struct {
	record harness.Record
	due    time.Time
}

// Consume has a queue for each worker, with a key always in the same. It empties all queues
// before it returns.
func (d deferredWork) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	queues := make([]chan deferredRecord, cfg.Workers)
	var working sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan deferredRecord, cfg.Window)
		working.Go(func() { workWhenDue(ctx, later, queues[i], w) })
	}
	seed := maphash.MakeSeed()
	err := d.Consumer.Consume(ctx, cfg, workFunc(func(ctx context.Context, r *harness.Record) error {
		deferred := deferredRecord{*r, time.Now().Add(2 * cfg.Commit)}
		deferred.record.Headers = slices.Clone(r.Headers)
		select {
		case queues[maphash.Bytes(seed, r.Key)%uint64(len(queues))] <- deferred:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	for _, queue := range queues {
		close(queue)
	}
	budget := time.AfterFunc(cfg.RevokeTimeout, cancel)
	working.Wait()
	budget.Stop()
	return err
}

// workWhenDue works on deferred records when they are due, or at once when hurry ends.
func workWhenDue(hurry, later context.Context, queue <-chan deferredRecord, w harness.Work) {
	for d := range queue {
		select {
		case <-time.After(time.Until(d.due)):
		case <-hurry.Done():
		}
		if w.Do(later, &d.record) != nil {
			return
		}
	}
}
