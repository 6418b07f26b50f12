package consumers

import (
	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "splitmerge",
	Doc: "Splits the work in two: the part that commutes is done for records of any key in parallel, whatever their order, and the rest, with the effect, " +
		"by key in the order of the log. A hot key is held to the rest alone. What is prepared and waits for its turn lies in the window. " +
		"Where the work has no such part it is keyed.",
	Use: "Hot keys whose order matters, where most of the work on a record, as decoding, computing or asking others, depends on nothing that the records before it did. " +
		"Not where that part is small: keyed does the same with less.",
	Bound:            "W / service time in all; for one key the less of W / time to prepare and 1 / the rest of the service time.",
	Crash:            "As keyed; what was prepared and not done is prepared again.",
	Delivery:         harness.AtLeastOnce,
	Order:            harness.OrderKey,
	Parallelism:      allWorkers,
	AllowIdleWorkers: true, // its workers prepare most of the time, which is no attempt
	New: func(harness.Config) (harness.Consumer, error) {
		return pool.Sharded{Shard: pool.ByKey(), Batch: 1, NewWorkers: func(m *group.Member, work harness.Work) pool.Workers { return newSplit(m.Config(), work) }}, nil
	},
})

// split is a pool of workers that prepare records in any order, and a [pool.Sequencer] that says
// who of them applies the effects of a key.
type split struct {
	*pool.Scheduler[*pool.Entry]
	work    harness.Work
	prepare harness.PreparedWork // prepare is nil if the work has no such ability
	order   pool.Sequencer
	turns   []*pool.Entry
	number  uint64
}

func newSplit(cfg harness.Config, work harness.Work) *split {
	s := &split{work: work}
	s.prepare, _ = work.(harness.PreparedWork)
	s.Scheduler = pool.NewScheduler(cfg.Workers, cfg.Window, func() func(*pool.Entry) { return s.run })
	return s
}

// Submit has each record take its place in the line of its key before anybody prepares it.
func (s *split) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	s.turns = s.turns[:0]
	for _, t := range tasks {
		s.turns = append(s.turns, s.order.Append(shard(t), t))
	}
	s.Scheduler.Submit(s.turns, func(*pool.Entry) uint64 {
		s.number++
		return s.number
	})
	clear(s.turns)
}

// run prepares a record, and then applies what is due of its key.
func (s *split) run(t *pool.Entry) {
	if t.Started = t.Start(); t.Started {
		client.FillRecord(&t.View, t.Record)
		if s.prepare != nil {
			// Without it, as when its context has ended, Do is all there is, or ends too.
			_ = s.prepare.Prepare(t.Assignment.Context(), &t.View)
		}
	}
	s.order.MarkReady(t, s.apply)
}

// apply takes a record, whose turn it is, through the work; false says that it has no effect.
func (s *split) apply(t *pool.Entry) bool {
	return pool.Retry(t.Assignment.Context(), s.work, &t.View) == nil
}
