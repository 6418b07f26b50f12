package consumers

import (
	"context"
	"errors"

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
	Parallelism: workers,
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

func someTries(v string) (int, error) { return count(v, "a number of tries", 1, 0) }

type retryOrdered struct{ tries int }

// Consume is that of hotlane, with other keys in the lane: those that fail.
func (c retryOrdered) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	dead, err := newCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer dead.close()
	bury := func(ctx context.Context, r *harness.Record, why error) error {
		return dead.copy(ctx, cfg.SideTopics[deadLetters], r, because(r, why))
	}
	return laned{
		topic: retryTopic,
		source: func(l *lane) sharded {
			return sharded{shard: byKey(), batch: fewTries, turns: func(m *member, w harness.Work) func(task, []task) {
				return (&firstTry{fence: &m.fence, lane: l, work: w, bury: bury}).run
			}}
		},
		lane: sharded{shard: byKey(), batch: 1, turns: func(m *member, w harness.Work) func(task, []task) {
			return (&trier{member: m, work: w, most: c.tries, giveUp: bury}).worker()
		}},
	}.Consume(ctx, cfg, work)
}

// fewTries is how many records of a key a worker tries before other keys have their turn.
// It is how many a transaction copies too.
const fewTries = 8

// firstTry tries records of the source once, each, and copies those that fail, and what
// must wait behind them, to the lane.
type firstTry struct {
	fence   *Fence
	lane    *lane
	work    harness.Work
	bury    func(ctx context.Context, r *harness.Record, why error) error
	record  harness.Record
	turn    []task
	records []*kgo.Record
}

func (f *firstTry) run(first task, more []task) {
	f.turn = append(append(f.turn[:0], first), more...)
	runs(f.turn, oneBatch, f.key)
	clear(f.turn)
}

// key takes records of one key, taken under one assignment. The first that fails, or finds
// its key in the lane, takes the others along.
func (f *firstTry) key(tasks []task) {
	o := f.lane.of(tasks[0].from, tasks[0].record.Partition)
	for n, t := range tasks {
		var there bool
		if key := t.record.Key; key != nil {
			var err error
			if there, err = o.has(key); err != nil {
				return // the assignment has ended
			}
		}
		if there || !f.once(t) {
			f.records = carry(f.fence, tasks[n:], f.records, func(_ context.Context, records []*kgo.Record) error { return o.divert(records) })
			return
		}
	}
}

// once tries a record, and reports false if that must be done again elsewhere.
func (f *firstTry) once(t task) bool {
	a := t.from
	if !a.start(t.seq) {
		return true
	}
	fill(&f.record, t.record)
	defer empty(&f.record)
	err := f.work.Do(a.ctx, &f.record)
	if why := err; err != nil && a.ctx.Err() == nil {
		if !errors.Is(err, harness.ErrPoison) {
			a.finish(t.seq, false) // it begins once more, as a copy to make
			return false
		}
		if err = f.fence.wait(a.ctx); err == nil {
			err = f.bury(a.ctx, &f.record, why)
		}
	}
	a.finish(t.seq, err == nil)
	t.record.Recycle()
	return true
}
