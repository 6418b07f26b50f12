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
	Doc: "As keyed, but a record whose work fails is copied to a retry topic, and while a key has records there all further ones of it are copied behind them. They are tried " +
		"there in order, by a group of its own, with pauses that double from 10 ms to a second, and go to a dead-letter topic when they have failed too often, or at once when they are poison. " +
		"The way there is that of hotlane: a key's order holds through crashes and rebalances, by what the retry topic itself says.",
	Use: "Where some keys fail for long, their records may not pass each other, and no other key may wait: what fails fills no window that others need. " +
		"Not where all work fails at once: an outage downstream becomes copies, and then dead letters. Without order retry-dlq costs less.",
	Bound: "As keyed. Each failure, and what follows it of its key until the retries are done, costs a copy in a transaction; W sick keys at once hold up the retries of a pod, " +
		"and of others nothing; a pod holds up to two windows, and a client for each partition.",
	Crash:       "As hotlane; a record whose dead letter was sent and whose commit was not is tried again, and may have an effect beside.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: retryTopic, Role: harness.RoleRetry}, {Name: deadLetters, Role: harness.RoleDeadLetter}}
	},
	DeadLetters: func(cfg harness.Config) harness.DeadLetterPolicy {
		tries, _ := someTries(cfg.Knobs["tries"]) // New returns the error
		return harness.DeadLetterPolicy{Attempts: tries}
	},
	Knobs: []harness.Knob{{
		Name: "tries", Default: "12", Doc: "how often a record fails in the retry topic until it is given up",
		Check: func(v string) error { _, err := someTries(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		tries, err := someTries(cfg.Knobs["tries"])
		return retryOrdered{tries}, err
	},
})

const retryTopic = "retry"

func someTries(v string) (int, error) { return knob.Count(v, "a number of tries", 1, 0) }

type retryOrdered struct{ tries int }

// Consume is that of hotlane, with other keys in the lane: those that fail.
func (c retryOrdered) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	dead, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer dead.Close()
	bury := func(ctx context.Context, r *harness.Record, why error) error {
		return dead.Copy(ctx, cfg.SideTopics[deadLetters], r, relay.FailureHeader(r, why))
	}
	return relay.OverflowConsumer{
		Topic: retryTopic,
		Source: func(l *relay.Overflow) pool.Sharded {
			return pool.Sharded{Shard: pool.ByKey(), Batch: fewTries, NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
				return (&firstTry{fence: m.Fence(), lane: l, work: w, bury: bury}).run
			}}
		},
		Overflow: pool.Sharded{Shard: pool.ByKey(), Batch: 1, NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
			return (&pool.Retrier{Member: m, Work: w, MaxFailures: c.tries, GiveUp: bury}).Worker()
		}},
	}.Consume(ctx, cfg, work)
}

// fewTries is how many records of a key a worker tries before other keys have their turn.
// It is how many a transaction copies too.
const fewTries = 8

// firstTry tries records of the source once, each, and copies those that fail, and what
// must wait behind them, to the lane.
type firstTry struct {
	fence   *group.Fence
	lane    *relay.Overflow
	work    harness.Work
	bury    func(ctx context.Context, r *harness.Record, why error) error
	record  harness.Record
	records []*kgo.Record
}

func (f *firstTry) run(batch []group.Task) { pool.EachRun(batch, pool.SameKey, f.workOnKey) }

// workOnKey takes records of one key, taken under one assignment. The first that fails, or finds
// its key in the lane, takes the others along.
func (f *firstTry) workOnKey(tasks []group.Task) {
	o := f.lane.Partition(tasks[0].Assignment)
	for n, t := range tasks {
		var there bool
		if key := t.Record.Key; key != nil {
			var err error
			if there, err = o.Contains(key); err != nil {
				return // the assignment has ended
			}
		}
		if there || !f.tryOnce(t) {
			f.records = relay.CopyBatch(f.fence, tasks[n:], f.records, func(_ context.Context, records []*kgo.Record) error { return o.Append(records) })
			return
		}
	}
}

// tryOnce tries a record, and reports false if that must be done again elsewhere.
func (f *firstTry) tryOnce(t group.Task) bool {
	a := t.Assignment
	if !t.Start() {
		return true
	}
	client.FillRecord(&f.record, t.Record)
	defer client.ClearRecord(&f.record)
	err := f.work.Do(a.Context(), &f.record)
	if why := err; err != nil && a.Context().Err() == nil {
		if !errors.Is(err, harness.ErrPoison) {
			t.Finish(false) // it begins once more, as a copy to make
			return false
		}
		if err = f.fence.Wait(a.Context()); err == nil {
			err = f.bury(a.Context(), &f.record, why)
		}
	}
	t.Finish(err == nil)
	t.Record.Recycle()
	return true
}
