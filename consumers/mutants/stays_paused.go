package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in twmb/franz-go 507.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-stays-paused",
	Doc:         "Pauses a partition with a full queue. If the partition is revoked meanwhile, it is never resumed, also when it comes back.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("scale-out-and-in", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		b := &backPressure{queued: map[*group.Assignment]int{}}
		p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
			b.forget(ending)
			m.Settle(ending)
		}
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			return pressedWorkers{pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(group.Task) {
				honest := pool.NewWorker(work)
				return func(t group.Task) {
					honest.Run(t)
					b.add(m, t, -1)
				}
			}), m, b}
		}
	}),
})

// backPressure pauses the partitions of which a pod has many records.
type backPressure struct {
	mu     sync.Mutex
	queued map[*group.Assignment]int
}

// add counts a record as queued, or as done, and pauses or resumes its partition.
func (b *backPressure) add(m *group.Member, t group.Task, n int) {
	const full, low = 20, 5
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.queued[t.Assignment]; !known && n < 0 {
		return // the bug: its partition was revoked, and stays paused
	}
	b.queued[t.Assignment] += n
	p := t.Assignment.Partition()
	switch partition := map[string][]int32{p.Topic: {p.Partition}}; {
	case n > 0 && b.queued[t.Assignment] == full:
		m.Client().PauseFetchPartitions(partition)
	case n < 0 && b.queued[t.Assignment] == low:
		m.Client().ResumeFetchPartitions(partition)
	}
}

// forget forgets what was queued of assignments that end.
func (b *backPressure) forget(ending group.Assignments) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range ending {
		delete(b.queued, a)
	}
}

// pressedWorkers is the scheduler of the keyed design with [backPressure].
type pressedWorkers struct {
	*pool.Scheduler[group.Task]
	member   *group.Member
	pressure *backPressure
}

// Submit implements [pool.Workers].
func (w pressedWorkers) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	for _, t := range tasks {
		w.pressure.add(w.member, t, 1)
	}
	w.Scheduler.Submit(tasks, shard)
}
