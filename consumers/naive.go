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
	Doc: "Hands what it polls to a pool of workers through a queue and lets the client commit on its own clock: the field's classic mistake. " +
		"What is queued counts as committed, so a crash loses up to a window.",
	Use:         "Never: it is here so that a comparison without a failure means something.",
	Bound:       "W / service time.",
	Crash:       "Loses what was queued and counted as committed, up to M; what is committed on the client's clock is not what was done.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	MustFail:    []harness.Expectation{{Scenario: "pod-crash", Check: oracle.CheckLoss}},
	New:         func(harness.Config) (harness.Consumer, error) { return naive{}, nil },
})

// leastAutoCommit is the shortest interval that kgo takes.
const leastAutoCommit = 100 * time.Millisecond

type naive struct{}

// Consume fills the queue until ctx ends, then gives the workers the drain
// budget to empty it. Everything about it is well made but the commit.
func (naive) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	requests, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	cl, err := client.NewMember(cfg, kgo.WithContext(requests), kgo.AutoCommitInterval(max(cfg.Commit, leastAutoCommit)))
	if err != nil {
		return err
	}
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	queue := make(chan *kgo.Record, cfg.Window)
	var workers sync.WaitGroup
	for range cfg.Workers {
		workers.Go(func() { workOff(working, queue, work) })
	}

	err = fillQueue(ctx, cl, cfg.MaxPoll, queue)
	close(queue)
	budget := time.AfterFunc(cfg.Drain, cancel)
	workers.Wait()
	budget.Stop()

	leaving, left := context.WithTimeout(context.Background(), cfg.Session/2)
	defer left()
	if cl.LeaveGroupContext(leaving) != nil {
		hangUp() // Close would wait for as long as a rebalance may take
	}
	cl.Close()
	return err
}

func fillQueue(ctx context.Context, cl *kgo.Client, maxPoll int, queue chan<- *kgo.Record) error {
	for ctx.Err() == nil {
		fetches := cl.PollRecords(ctx, maxPoll)
		if err := client.FatalError(fetches); err != nil {
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

// workOff works until the queue is closed and empty, or ctx has ended.
func workOff(ctx context.Context, queue <-chan *kgo.Record, work harness.Work) {
	var record harness.Record
	for r := range queue {
		client.FillRecord(&record, r)
		if err := pool.Retry(ctx, work, &record); err != nil {
			return
		}
		client.ClearRecord(&record)
	}
}
