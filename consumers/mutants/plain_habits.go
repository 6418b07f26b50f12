package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// plainHabit is the registration of a consumer as people write it with a client, without
// the parts of consumers. It is honest: it loses no record. It promises no more than
// at-least-once as Kafka's documentation means it.
func plainHabit(name, doc string, h habit) harness.Implementation {
	return harness.Implementation{
		Name: name, Doc: doc, Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Redelivery: harness.RedeliveryAny,
		Mutant: true, Parallelism: h.parallelism, Buffering: harness.Unbounded,
		New: func(harness.Config) (harness.Consumer, error) { return h, nil },
	}
}

// habit is a loop around a client of its own.
type habit struct {
	options     func(*habitPod) []kgo.Opt // options are added to those of any member.
	loop        func(*habitPod) error     // loop runs until ctx ends.
	parallelism func(harness.Config) int  // parallelism is nil for one record at a time.
}

// habitPod is one pod of a [habit].
type habitPod struct {
	ctx    context.Context
	cfg    harness.Config
	client *kgo.Client
	work   harness.Work
	owned  ownedPartitions // owned is only for a worker of each partition.
}

// Consume implements [harness.Consumer].
func (h habit) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p := &habitPod{ctx: ctx, cfg: cfg, work: w}
	cl, err := client.NewMember(cfg, append(h.options(p), kgo.WithContext(requests))...)
	if err != nil {
		return err
	}
	p.client = cl
	err = h.loop(p)
	leaving, left := context.WithTimeout(context.Background(), cfg.Session/2)
	defer left()
	cl.AllowRebalance()
	if cl.LeaveGroupContext(leaving) != nil {
		cancel() // otherwise Close waits as long as a rebalance may take
	}
	cl.Close()
	return err
}

// poll polls up to limit records, 0 for all that wait.
func (p *habitPod) poll(limit int) (kgo.Fetches, error) {
	fetches := p.client.PollRecords(p.ctx, limit)
	return fetches, client.FatalError(p.cfg, fetches)
}

// do works on a record until it has an effect. The error is that of ctx.
func (p *habitPod) do(ctx context.Context, r *kgo.Record) error {
	return pool.Retry(ctx, p.work, viewRecord(r))
}

// workOff polls all that waits and works on it, one record at a time. after is called after
// the work on each.
func workOff(p *habitPod, after func(*kgo.Record)) error {
	for p.ctx.Err() == nil {
		fetches, err := p.poll(0)
		if err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if p.do(p.ctx, r) != nil {
				return nil
			}
			after(r)
		}
	}
	return nil
}
