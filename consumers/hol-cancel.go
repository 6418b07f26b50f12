package consumers

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "hol-cancel",
	Doc: "As keyed, but the window does not wait for one stuck record. The record goes to a dead-letter topic if " +
		"it was tried for longer than a limit and blocks the window. It blocks a window that is full if it is the " +
		"lowest outstanding record of its partition, and most records above it are completed. A poison record " +
		"goes there at once. The next record of its key starts when the copy is acknowledged, so the order holds.",
	Use: "Few records are stuck or fail for long, other records must not wait for them, and an operator handles " +
		"the dead letters. Not where a key may not miss a record, nor where the work ignores the end of its " +
		"context. It cancels nothing when all records are slow, since few above are completed then. Nor does it " +
		"when the stuck key has most of its partition's records.",
	Bound:       "As keyed. A stuck record blocks a full window for at most 1.25 x limit.",
	Crash:       "As keyed. A record whose dead letter was sent and whose commit was not is tried again, and may have an effect too.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: deadLetters, Role: harness.RoleDeadLetter}}
	},
	DeadLetters: func(harness.Config) harness.DeadLetterPolicy { return harness.DeadLetterPolicy{Cancelled: true} },
	Knobs: []harness.Knob{{
		Name: "limit", Default: "1s", Doc: "least time that a record is tried before it may be cancelled",
		Check: func(v string) error { _, err := knob.Duration(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		limit, err := knob.Duration(cfg.Knobs["limit"])
		return holCancel{limit}, err
	},
})

type holCancel struct{ limit time.Duration }

// Consume is that of keyed, with workers that watch the record they try.
func (c holCancel) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copier, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copier.Close()
	giveUp := func(ctx context.Context, r *harness.Record, why error) error {
		return copier.Copy(ctx, cfg.SideTopics[deadLetters], r, relay.FailureHeader(r, why))
	}
	return pool.Sharded{Shard: pool.ByKey(), NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
		return (&pool.Retrier{Member: m, Work: w, Limit: c.limit, GiveUp: giveUp}).Worker()
	}}.Consume(ctx, cfg, work)
}
