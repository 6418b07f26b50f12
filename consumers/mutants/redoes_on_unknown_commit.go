package mutants

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-redoes-on-unknown-commit",
	Doc:         "Takes a commit without an answer for one that was not made, and does again what it had done since the one before.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("dropped-responses", oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckOverlap, Why: "the queues go on with the same keys meanwhile"},
		{Check: oracle.CheckKeyInversion, Why: "what is done again comes behind later records of its key, in one tenure"},
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "what is done again steps back"},
	},
	New: made(func(q *queues) {
		var since kept // the last commit that was answered
		q.options = []kgo.Opt{kgo.RetryTimeoutFn(commitOnce)}
		q.do = func(ctx context.Context, m *member, t task) error {
			err := tryOn(ctx, m, t)
			if err == nil {
				since.add(t)
			}
			return err
		}
		q.committed = func(m *member, err error) {
			for _, t := range since.take() {
				if err != nil {
					_ = tryOn(m.ctx, m, t)
				}
			}
		}
	}),
})

// commitOnce lets the client try a commit once: it would hide a lost answer.
func commitOnce(key int16) time.Duration {
	if kmsg.Key(key) == kmsg.OffsetCommit {
		return time.Nanosecond
	}
	return time.Minute
}

// kept is a list of tasks. The zero value is ready; safe for concurrent use.
type kept struct {
	mu    sync.Mutex
	tasks []task
}

func (k *kept) add(t task) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tasks = append(k.tasks, t)
}

func (k *kept) take() []task {
	k.mu.Lock()
	defer k.mu.Unlock()
	tasks := k.tasks
	k.tasks = nil
	return tasks
}
