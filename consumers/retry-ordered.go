package consumers

import (
	"context"
	"errors"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "retry-ordered",
	Doc: "As keyed, but a record whose work fails is copied to a retry topic. While a key has records there, all " +
		"its further records are copied behind them. A second group tries them in order, with pauses that double " +
		"from 10 ms to 1 s. A record that fails too often, or is poison, goes to a dead-letter topic. The order " +
		"of a key holds through crashes and rebalances, as in hotlane.",
	Use: "Some keys fail for long, their records must keep their order, and no other key may wait. Not where all work may fail " +
		"at once: an outage downstream becomes copies and then dead letters. Without order, retry-dlq costs less.",
	Bound: "As keyed. Each failure costs a copy in a transaction, and so do the records of its key until the " +
		"retries are done. W failing keys at once hold up the retries of a pod and no other key. A pod has up to " +
		"two windows of records, and a client for each partition.",
	Crash:       "As hotlane. A record whose dead letter was sent and whose commit was not is tried again, and may have an effect too.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: orderedRetryTopic, Role: harness.RoleRetry}, {Name: deadLetters, Role: harness.RoleDeadLetter}}
	},
	DeadLetters: func(cfg harness.Config) harness.DeadLetterPolicy {
		attempts, _ := parseAttempts(cfg.Knobs["attempts"]) // New returns the error
		return harness.DeadLetterPolicy{Attempts: attempts}
	},
	Knobs: []harness.Knob{{
		Name: "attempts", Default: "12", Doc: "failures in the retry topic after which a record becomes a dead letter",
		Check: func(v string) error { _, err := parseAttempts(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		attempts, err := parseAttempts(cfg.Knobs["attempts"])
		return retryOrdered{attempts}, err
	},
})

const orderedRetryTopic = "retry"

func parseAttempts(v string) (int, error) { return knob.Count(v, "a number of attempts", 1, 0) }

type retryOrdered struct{ attempts int }

// Consume is that of hotlane, with other keys in the overflow topic: those that fail.
func (c retryOrdered) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copier, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copier.Close()
	giveUp := func(ctx context.Context, r *harness.Record, why error) error {
		return copier.Copy(ctx, cfg.SideTopics[deadLetters], r, relay.FailureHeader(r, why))
	}
	return relay.OverflowConsumer{
		Topic: orderedRetryTopic,
		Source: func(o *relay.Overflow) pool.Sharded {
			return pool.Sharded{
				Shard: pool.ByKey(),
				Batch: attemptsPerBatch,
				NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
					return (&attemptWorker{fence: m.Fence(), overflow: o, work: w, giveUp: giveUp}).attemptKeys
				},
			}
		},
		Overflow: pool.Sharded{Shard: pool.ByKey(), NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
			return (&pool.Retrier{Member: m, Work: w, MaxFailures: c.attempts, GiveUp: giveUp}).Worker()
		}},
	}.Consume(ctx, cfg, work)
}

// attemptsPerBatch is how many records of a key a worker tries before other keys have their
// turn. One transaction copies as many.
const attemptsPerBatch = 8

// attemptWorker tries each record of the source once. It copies a record that fails, and the
// records of its key behind it, to the retry topic.
type attemptWorker struct {
	fence    *group.Fence
	overflow *relay.Overflow
	work     harness.Work
	giveUp   func(ctx context.Context, r *harness.Record, why error) error
	record   harness.Record
	records  []*kgo.Record
}

func (a *attemptWorker) attemptKeys(batch []group.Task) {
	pool.EachRun(batch, pool.SameKey, a.attemptKey)
}

// attemptKey takes records of one key and one assignment. From the first on that fails, or
// whose key is in the retry topic, all are copied.
func (a *attemptWorker) attemptKey(tasks []group.Task) {
	p := a.overflow.Partition(tasks[0].Assignment)
	for n, t := range tasks {
		var contains bool
		if key := t.Record.Key; key != nil {
			var err error
			if contains, err = p.Contains(key); err != nil {
				return // the assignment has ended
			}
		}
		if contains || !a.attemptOnce(t) {
			a.records = relay.CopyBatch(a.fence, tasks[n:], a.records, func(_ context.Context, records []*kgo.Record) error { return p.Append(records) })
			return
		}
	}
}

// attemptOnce tries a record. It reports false if the record must be copied.
func (a *attemptWorker) attemptOnce(t group.Task) bool {
	if !t.Start() {
		return true
	}
	ctx := t.Assignment.Context()
	client.FillRecord(&a.record, t.Record)
	defer client.ClearRecord(&a.record)
	err := a.work.Do(ctx, &a.record)
	if why := err; err != nil && ctx.Err() == nil {
		if !errors.Is(err, harness.ErrPoison) {
			t.Finish(false) // it starts again to be copied
			return false
		}
		if err = a.fence.Wait(ctx); err == nil {
			err = a.giveUp(ctx, &a.record, why)
		}
	}
	t.Finish(err == nil)
	t.Record.Recycle()
	return true
}
