package consumers

import (
	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "splitmerge",
	Doc: "Splits the work in two parts. The part that commutes is prepared for records of any key, in parallel " +
		"and in any order. The rest, which has the effect, runs by key in log order. Only the rest limits a hot " +
		"key. Prepared records that wait for their turn stay in the window. Without such a part it is the same as " +
		"keyed.",
	Use: "Hot keys whose order matters, where most of the work on a record does not depend on earlier records: decoding, " +
		"computing, queries. Not where that part is small: keyed does the same with less.",
	Bound:            "W / service time in all. For one key: the smaller of W / time to prepare and 1 / the rest of the service time.",
	Crash:            "As keyed; records that were only prepared are prepared again.",
	Delivery:         harness.AtLeastOnce,
	Order:            harness.OrderKey,
	Parallelism:      allWorkers,
	AllowIdleWorkers: true, // its workers prepare most of the time, which is no attempt
	Serial: func(harness.Config) harness.Serial {
		return harness.Serial{Unit: harness.SerialKey, Prepares: true}
	},
	New: func(harness.Config) (harness.Consumer, error) {
		return pool.Sharded{Shard: pool.ByKey(), Batch: 1, NewWorkers: func(m *group.Member, work harness.Work) pool.Workers { return newSplit(m.Config(), work) }}, nil
	},
})

// split is a pool of workers that prepare records in any order. A [pool.Sequencer] says
// which of them applies the effects of a key.
type split struct {
	*pool.Scheduler[*pool.Entry]
	work     harness.Work
	prepared harness.PreparedWork // prepared is nil if the work has no part that commutes
	order    pool.Sequencer
	entries  []*pool.Entry
	number   uint64
}

func newSplit(cfg harness.Config, work harness.Work) *split {
	s := &split{work: work}
	s.prepared, _ = work.(harness.PreparedWork)
	s.Scheduler = pool.NewScheduler(cfg.Workers, cfg.Window, func() func(*pool.Entry) { return s.prepareEntry })
	return s
}

// Submit gives each record its place in the order of its key before it is prepared.
func (s *split) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	s.entries = s.entries[:0]
	for _, t := range tasks {
		s.entries = append(s.entries, s.order.Append(shard(t), t))
	}
	s.Scheduler.Submit(s.entries, func(*pool.Entry) uint64 {
		s.number++
		return s.number
	})
	clear(s.entries)
}

// prepareEntry prepares a record, and then applies the records of its key that are next.
func (s *split) prepareEntry(e *pool.Entry) {
	if e.Started = e.Start(); e.Started {
		client.FillRecord(&e.View, e.Record)
		if s.prepared != nil {
			_ = s.prepared.Prepare(e.Assignment.Context(), &e.View) // if it fails the context has ended, and Do fails too
		}
	}
	s.order.MarkReady(e, s.applyEntry)
}

// applyEntry reports whether the work on a record was done.
func (s *split) applyEntry(e *pool.Entry) bool {
	return pool.Retry(e.Assignment.Context(), s.work, &e.View) == nil
}
