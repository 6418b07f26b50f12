package consumers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/txn"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "txn",
	Doc: "Consumes, transforms and produces in transactions. It polls a batch, and works on its keys in parallel " +
		"and on each key in order. It appends one output for each record, and commits outputs and offsets " +
		"together. A read-committed reader sees each output once, and the outputs of a partition in order. The " +
		"work may be repeated, so it must have no effect of its own. A rebalance that revokes partitions costs " +
		"the batch. With a backlog, a batch has up to a window of records. A record whose work fails holds up its " +
		"pod.",
	Use: "From Kafka to Kafka. Not where the work writes elsewhere, nor where outputs are wanted at once: a batch waits for its " +
		"slowest key.",
	Bound: "W / service time while batches have records of enough keys. A batch takes as long as its busiest key and the commit of " +
		"a transaction.",
	Crash: "No output is lost or repeated. The batch is worked on again, and its partitions wait for the session timeout. A " +
		"read-committed reader waits until the pod comes back or the transaction times out, after a rebalance and a session " +
		"timeout.",
	Delivery:    harness.ExactlyOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Effect:      harness.EffectOutput,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: outputTopic, Role: harness.RoleOutput}}
	},
	New: func(harness.Config) (harness.Consumer, error) { return exactlyOnce{}, nil },
})

const outputTopic = "output"

type exactlyOnce struct{}

// Consume runs one session after another, until an error that a new session would get too.
func (exactlyOnce) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	for {
		err := group.RunMemberships(func() error { return runSession(ctx, cfg, work) })
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, txn.ErrBroken):
			return err
		}
		client.LogFailure(cfg, "session", err)
		if client.PauseRetry(ctx, err) != nil {
			return nil
		}
	}
}

// runSession takes batches until the session ends. Workers are idle at the end of each
// batch, so a backlog comes in large batches. A batch should not take much longer than a
// few commit intervals.
func runSession(ctx context.Context, cfg harness.Config, work harness.Work) error {
	if ctx.Err() != nil {
		return nil
	}
	s, err := txn.Join(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Leave()
	work = s.Fence().Wrap(work)
	size := min(cfg.MaxPoll, cfg.Window)
	for {
		records, err := s.Poll(size)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		began := time.Now()
		err = s.Transact(func(ctx context.Context) ([]*kgo.Record, bool) {
			if !workByKeys(ctx, cfg.Workers, records, work) {
				return nil, false
			}
			return outputs(cfg.SideTopics[outputTopic], records), true
		})
		if err != nil {
			return err
		}
		switch took := time.Since(began); {
		case len(records) == size && took < 2*cfg.Commit:
			size = min(2*size, cfg.Window)
		case took > 4*cfg.Commit:
			size = max(size/2, 1)
		}
	}
}

// outputs are the records to append for those of a batch, one for each.
func outputs(topic string, in []*kgo.Record) []*kgo.Record {
	out := make([]*kgo.Record, len(in))
	for i, r := range in {
		out[i] = &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	return out
}

// workByKeys works on the keys of a batch in parallel, and on the records of each key in
// order. It reports whether all records are done. They are not if ctx has ended, or if
// the work panicked: other goroutines may live on for a moment.
func workByKeys(ctx context.Context, workers int, records []*kgo.Record, work harness.Work) bool {
	keys := groupByKey(records)
	next := make(chan []*kgo.Record, len(keys))
	for _, key := range keys {
		next <- key
	}
	close(next)
	var running sync.WaitGroup
	var done atomic.Int64
	for range min(workers, len(keys)) {
		running.Go(func() {
			var record harness.Record
			for key := range next {
				for _, r := range key {
					client.FillRecord(&record, r)
					if ctx.Err() != nil || pool.Retry(ctx, work, &record) != nil {
						return
					}
					done.Add(1)
				}
			}
		})
	}
	running.Wait()
	return int(done.Load()) == len(records)
}

// groupByKey groups records by key, in order. The key with the most records comes first, so
// that the batch does not wait for it alone at the end.
func groupByKey(records []*kgo.Record) (keys [][]*kgo.Record) {
	place := map[string]int{}
	for _, r := range records {
		k, known := place[string(r.Key)]
		if !known || r.Key == nil {
			k = len(keys)
			keys = append(keys, nil)
			if r.Key != nil {
				place[string(r.Key)] = k
			}
		}
		keys[k] = append(keys[k], r)
	}
	slices.SortStableFunc(keys, func(a, b []*kgo.Record) int { return len(b) - len(a) })
	return keys
}
