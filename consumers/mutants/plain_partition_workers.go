package mutants

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainHabit("plain-partition-workers",
	"Has a goroutine for each partition, which works and commits. A revocation ends it and waits for it.",
	habit{
		options: func(p *habitPod) []kgo.Opt {
			return []kgo.Opt{
				kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
				kgo.OnPartitionsAssigned(p.owned.assign(p)), kgo.OnPartitionsRevoked(p.owned.lose), kgo.OnPartitionsLost(p.owned.lose),
			}
		},
		loop:        feedPartitions,
		parallelism: func(cfg harness.Config) int { return max(cfg.Partitions, 1) },
	}))

// ownedPartitions are the workers of the partitions that a pod owns. The zero value is
// ready; safe for concurrent use.
type ownedPartitions struct {
	mu      sync.Mutex
	workers map[int32]*partitionWorker
}

type partitionWorker struct {
	records chan []*kgo.Record
	ctx     context.Context
	quit    context.CancelFunc
	done    sync.WaitGroup
}

func (o *ownedPartitions) assign(p *habitPod) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, cl *kgo.Client, assigned map[string][]int32) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.workers == nil {
			o.workers = map[int32]*partitionWorker{}
		}
		for _, partition := range assigned[p.cfg.Topic] {
			w := &partitionWorker{records: make(chan []*kgo.Record)}
			w.ctx, w.quit = context.WithCancel(p.ctx)
			o.workers[partition] = w
			w.done.Go(func() { w.run(p, cl) })
		}
	}
}

func (o *ownedPartitions) lose(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	for _, partitions := range lost {
		for _, partition := range partitions {
			o.end(partition)
		}
	}
}

// workerOf is the worker of a partition, nil if the pod does not own it.
func (o *ownedPartitions) workerOf(partition int32) *partitionWorker {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.workers[partition]
}

// end ends the worker of a partition, if there is one, and waits for it.
func (o *ownedPartitions) end(partition int32) {
	w := o.workerOf(partition)
	if w == nil {
		return
	}
	w.quit()
	w.done.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.workers, partition)
}

// partitions are the partitions that have a worker.
func (o *ownedPartitions) partitions() []int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.workers))
}

// run works on batches of one partition and commits each.
func (w *partitionWorker) run(p *habitPod, cl *kgo.Client) {
	for {
		select {
		case <-w.ctx.Done():
			return
		case batch := <-w.records:
			for _, r := range batch {
				if p.do(w.ctx, r) != nil {
					return
				}
				client.LogFailure(p.cfg, "commit", cl.CommitRecords(w.ctx, r)) // the next commit makes up for it
			}
		}
	}
}

func feedPartitions(p *habitPod) error {
	for p.ctx.Err() == nil {
		fetches, err := p.poll(100)
		if err != nil {
			return err
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			w := p.owned.workerOf(f.Partition)
			if w == nil {
				return
			}
			select {
			case w.records <- f.Records:
			case <-w.ctx.Done():
			}
		})
		p.client.AllowRebalance()
	}
	for _, partition := range p.owned.partitions() {
		p.owned.end(partition)
	}
	return nil
}
