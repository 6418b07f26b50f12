package consumers

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "hol-cancel",
	Doc: "As keyed, but the window waits for no record for good. One that was tried for longer than a limit, is the lowest unfinished of its partition while the window " +
		"has no room, and has most of what its partition holds there finished above it, is cancelled and goes to a dead-letter topic; one that is poison goes there at once. " +
		"The next of its key begins when the copy is acknowledged, so what has an effect has it in order.",
	Use: "Where few records are stuck or fail for long, others must not wait for them, and somebody looks after the dead letters. Not where a record may not be " +
		"left out of its key's order, nor where work ignores the end of its context. A downstream that is slow for all is waited for: nothing above is finished then. " +
		"So is a stuck key that has most of its partition's records.",
	Bound:       "As keyed; a record that is stuck costs the window a limit and a quarter at most, once it is full.",
	Crash:       "As keyed; a record whose dead letter was sent and whose commit was not is tried again, and may have an effect beside.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: deadLetters, Role: harness.RoleDeadLetter}}
	},
	DeadLetters: func(harness.Config) harness.DeadLetterPolicy { return harness.DeadLetterPolicy{Cancelled: true} },
	Knobs: []harness.Knob{{
		Name: "limit", Default: "1s", Doc: "how long a record is tried at least before it may be cancelled",
		Check: func(v string) error { _, err := aLimit(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		limit, err := aLimit(cfg.Knobs["limit"])
		return holCancel{limit}, err
	},
})

func aLimit(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration above zero, as 1s", v)
	}
	return d, nil
}

type holCancel struct{ limit time.Duration }

// Consume is that of keyed, whose workers watch the records that they try.
func (c holCancel) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copies, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copies.Close()
	return pool.Sharded{Shard: pool.ByKey(), Batch: 1, NewWorker: func(m *group.Member, w harness.Work) func([]group.Task) {
		return (&pool.Retrier{Member: m, Work: w, Limit: c.limit, GiveUp: func(ctx context.Context, r *harness.Record, why error) error {
			return copies.Copy(ctx, cfg.SideTopics[deadLetters], r, relay.FailureHeader(r, why))
		}}).Worker()
	}}.Consume(ctx, cfg, work)
}
