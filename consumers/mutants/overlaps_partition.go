package mutants

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-overlaps-partition",
	Doc:         "Promises order by partition, and begins a record a little after the one before it instead of behind it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: func(cfg harness.Config) int { return cfg.Window },
	Mutant:      true,
	MustFail:    must(oracle.CheckOverlap),
	MayFail:     []harness.Allowance{{Check: oracle.CheckPartitionInversion, Why: "of those that begin at once the later may be done first"}},
	New: made(func(q *queues) {
		var turns sync.Map // by key, so that no two of a key are in work at once
		q.submit = func(m *member, t task) {
			one, _ := turns.LoadOrStore(string(t.Key), make(chan struct{}, 1))
			turn := one.(chan struct{})
			turn <- struct{}{}
			m.workers.Go(func() {
				defer func() { <-turn }()
				m.begin(t)
			})
			_ = sleep(context.Background(), time.Millisecond)
		}
	}),
})

// begin works on a record at once, beside the queues.
func (m *member) begin(t task) {
	if t.of.begins() {
		m.steps.run(m, []task{t})
	} else {
		m.steps.skip(m, t)
	}
	select {
	case m.freed <- struct{}{}:
	default:
	}
}
