package consumers

import (
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
	Parallelism:      workers,
	AllowIdleWorkers: true, // its workers prepare most of the time, which is no attempt
	New: func(harness.Config) (harness.Consumer, error) {
		return sharded{shard: byKey(), batch: 1, crew: func(m *member, work harness.Work) crew { return newSplit(m.cfg, work) }}, nil
	},
})

// split is a pool of workers that prepare records in any order, and a [sequencer] that says
// who of them applies the effects of a key.
type split struct {
	*scheduler[*turn]
	work    harness.Work
	prepare harness.PreparedWork // prepare is nil if the work has no such ability
	order   sequencer
	turns   []*turn
	number  uint64
}

func newSplit(cfg harness.Config, work harness.Work) *split {
	s := &split{work: work, order: sequencer{lines: map[uint64]*line{}}}
	s.prepare, _ = work.(harness.PreparedWork)
	s.scheduler = newScheduler(cfg.Workers, cfg.Window, func() func(*turn) { return s.run })
	return s
}

// submit has each record take its place in the line of its key before anybody prepares it.
func (s *split) submit(tasks []task, shard func(task) uint64) {
	s.turns = s.turns[:0]
	for _, t := range tasks {
		s.turns = append(s.turns, s.order.enter(shard(t), t))
	}
	s.scheduler.submit(s.turns, func(*turn) uint64 {
		s.number++
		return s.number
	})
	clear(s.turns)
}

// run prepares a record, and then applies what is due of its key.
func (s *split) run(t *turn) {
	if t.begun = t.from.start(t.seq); t.begun {
		fill(&t.view, t.record)
		if s.prepare != nil {
			// Without it, as when its context has ended, Do is all there is, or ends too.
			_ = s.prepare.Prepare(t.from.ctx, &t.view)
		}
	}
	s.order.ready(t, s.apply)
}

// apply takes a record, whose turn it is, through the work; false says that it has no effect.
func (s *split) apply(t *turn) bool {
	return retry(t.from.ctx, s.work, &t.view) == nil
}
