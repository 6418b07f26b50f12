package consumers

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "naive",
	Doc: "Puts polled records into a queue for a pool of workers, and lets the client commit at intervals: the " +
		"most common mistake. A queued record counts as committed, so a crash loses up to a window.",
	Use:         "Never. It is a control: a comparison in which it passes pod-crash proves nothing.",
	Bound:       "W / service time.",
	Crash:       "Loses the queued records that were already committed, up to M.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	MustFail:    []harness.Expectation{{Scenario: "pod-crash", Check: oracle.CheckLoss}},
	Buffering:   func(cfg harness.Config) int { return cfg.Window + cfg.Workers + cfg.MaxPoll },
	New:         func(harness.Config) (harness.Consumer, error) { return naive{}, nil },
})

// minAutoCommit is the shortest interval that kgo takes.
const minAutoCommit = 100 * time.Millisecond

type naive struct{}

// Consume fills the queue until ctx ends. Then the workers have the drain budget to empty
// it. Only the commit is wrong.
func (naive) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	cl, err := client.NewMember(cfg, kgo.WithContext(requests), kgo.AutoCommitInterval(max(cfg.Commit, minAutoCommit)))
	if err != nil {
		return err
	}
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	queue := make(chan *kgo.Record, cfg.Window)
	var workers sync.WaitGroup
	for range cfg.Workers {
		workers.Go(func() { workOnQueue(working, queue, work) })
	}

	err = fillQueue(ctx, cfg, cl, queue)
	close(queue)
	budget := time.AfterFunc(cfg.RevokeTimeout, cancel)
	workers.Wait()
	budget.Stop()

	leaving, left := context.WithTimeout(context.Background(), cfg.Session/2)
	defer left()
	if cl.LeaveGroupContext(leaving) != nil {
		cancelRequests() // otherwise Close waits as long as a rebalance may take
	}
	cl.Close()
	return err
}

func fillQueue(ctx context.Context, cfg harness.Config, cl *kgo.Client, queue chan<- *kgo.Record) error {
	for ctx.Err() == nil {
		fetches := cl.PollRecords(ctx, cfg.MaxPoll)
		client.NotePolled(cfg, fetches)
		if err := client.FatalError(cfg, fetches); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			select {
			case queue <- r:
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

// workOnQueue works until the queue is closed and empty, or ctx has ended.
func workOnQueue(ctx context.Context, queue <-chan *kgo.Record, work harness.Work) {
	var record harness.Record
	for r := range queue {
		client.FillRecord(&record, r)
		if err := pool.Retry(ctx, work, &record); err != nil {
			return
		}
		client.ClearRecord(&record)
	}
}
