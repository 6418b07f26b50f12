package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in typelevel/fs2-kafka 1051.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-resumes-where-it-fetched",
	Doc:         "Goes on behind the records that it fetched earlier when a partition comes back, although it never worked on some of them.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("scale-out-and-in", oracle.CheckLoss, oracle.CheckPrematureCommit),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		positions := &fetchPositions{parts: map[group.TopicPartition]*fetchPosition{}}
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			return positionedWorkers{pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(group.Task) { return pool.NewWorker(work).Run }), positions}
		}
	}),
})

// fetchPositions are the positions of a pod in its partitions. They outlive assignments.
type fetchPositions struct {
	mu    sync.Mutex
	parts map[group.TopicPartition]*fetchPosition
}

type fetchPosition struct {
	owner *group.Assignment
	from  int64 // from is where the pod goes on under its present assignment.
	next  int64 // next is the offset after the last fetched record.
}

// passes notes a record as fetched, and reports whether the position is behind it already.
func (f *fetchPositions) passes(t group.Task) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := t.Assignment.Partition()
	p := f.parts[at]
	if p == nil {
		p = &fetchPosition{}
		f.parts[at] = p
	}
	if p.owner != t.Assignment {
		p.owner, p.from = t.Assignment, p.next
	}
	p.next = max(p.next, t.Record.Offset+1)
	return t.Record.Offset < p.from
}

// positionedWorkers is the scheduler of the keyed design without the records that the position
// is behind.
type positionedWorkers struct {
	*pool.Scheduler[group.Task]
	positions *fetchPositions
}

// Submit implements [pool.Workers].
func (w positionedWorkers) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	var fresh []group.Task
	for _, t := range tasks {
		if w.positions.passes(t) {
			completeWithoutWork(t) // the bug: another owner may not have worked on it
		} else {
			fresh = append(fresh, t)
		}
	}
	w.Scheduler.Submit(fresh, shard)
}
