package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "retry-dlq",
	Doc: "One queue for a pool of workers. A record whose work fails is copied to the first of several retry " +
		"topics and comes back after its delay. Each failure moves it to the next topic, and the last failure to " +
		"a dead-letter topic; a poison record goes there at once. The record is completed when its copy is " +
		"acknowledged. Failing work holds up no other record, and there is no order.",
	Use: "A failed record may be completed after newer ones, and an operator handles the dead letters. Not where " +
		"records of a key depend on each other (use retry-ordered), nor where all work may fail at once: an " +
		"outage downstream becomes dead letters.",
	Bound: "As unordered. Each failure costs one more copy and fetch.",
	Crash: "As unordered. A record that was copied and not committed is tried at both places. A pod that was " +
		"paused may copy a record that another pod has completed: the record can end with an effect and a dead " +
		"letter.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	SideTopics:  retryTopics,
	DeadLetters: func(cfg harness.Config) harness.DeadLetterPolicy {
		delays, _ := knob.Durations(cfg.Knobs["delays"])
		return harness.DeadLetterPolicy{Attempts: 1 + len(delays)}
	},
	Knobs: []harness.Knob{{
		Name: "delays", Default: "100ms/300ms/1s", Doc: "delay before each further attempt, with a retry topic each",
		Check: func(v string) error { _, err := knob.Durations(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		delays, err := knob.Durations(cfg.Knobs["delays"])
		return retryDLQ{delays}, err
	},
})

// retryTopic is the name of the n-th retry topic, from 0.
func retryTopic(n int) string { return fmt.Sprintf("retry-%d", n+1) }

func retryTopics(cfg harness.Config) (topics []harness.SideTopic) {
	delays, _ := knob.Durations(cfg.Knobs["delays"]) // New returns the error
	for n := range delays {
		topics = append(topics, harness.SideTopic{Name: retryTopic(n), Role: harness.RoleRetry})
	}
	return append(topics, harness.SideTopic{Name: deadLetters, Role: harness.RoleDeadLetter})
}

type retryDLQ struct {
	delays []time.Duration // delays of the retry topics
}

// Consume is two members: one of the source's group, and one of a group that reads all
// retry topics. In one group a pod could be assigned partitions of retry topics alone.
func (c retryDLQ) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copier, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copier.Close()
	failover := failoverWork{copier: copier, next: map[string]string{}, deadLetters: cfg.SideTopics[deadLetters]}
	delays, from := map[string]time.Duration{}, cfg.Topic
	retries := cfg
	retries.Topic, retries.Group = cfg.SideTopics[retryTopic(0)], cfg.Group+".retry"
	options := group.Options{Due: group.DueByTopic(delays)}
	for n, delay := range c.delays {
		topic := cfg.SideTopics[retryTopic(n)]
		options.MoreTopics = append(options.MoreTopics, topic)
		failover.next[from], delays[topic], from = topic, delay, topic
	}
	failover.next[from] = failover.deadLetters
	newWorker := func(m *group.Member, w harness.Work) func([]group.Task) {
		f := failover
		f.work, f.fence = w, m.Fence()
		return pool.NewWorker(f).RunBatch
	}
	slots := pool.NewSlots(cfg.Workers)
	source := pool.Sharded{Shard: pool.ByRecord(), Wrap: slots.Wrap, NewWorker: newWorker}
	retry := pool.Sharded{Shard: pool.ByRecord(), Wrap: slots.Wrap, NewWorker: newWorker, Options: options}
	return relay.RunTogether(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return retry.Consume(ctx, retries, work) },
	)
}

// failoverWork is work that copies a record when it fails, to the next retry topic or to the
// dead letters. Then the record is completed where it is.
type failoverWork struct {
	work        harness.Work
	fence       *group.Fence // fence holds back copies of records that may have a new owner
	copier      *relay.Copier
	next        map[string]string // next is the topic to copy to, by the topic of the record
	deadLetters string
}

func (f failoverWork) Do(ctx context.Context, r *harness.Record) error {
	err := f.work.Do(ctx, r)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if err := f.fence.Wait(ctx); err != nil {
		return err
	}
	to := f.next[r.Topic]
	if errors.Is(err, harness.ErrPoison) {
		to = f.deadLetters
	}
	return f.copier.Copy(ctx, to, r, relay.FailureHeader(r, err))
}
