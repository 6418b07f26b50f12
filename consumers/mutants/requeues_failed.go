package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-requeues-failed",
	Doc:         "Puts a record whose work failed at the end of its queue, so that later records of its key overtake it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("failing", oracle.CheckRetryOvertaking),
	New: changeKeyed(func(p *keyedPod) {
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			q := &requeueing{work: work}
			q.Scheduler = pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(group.Task) { return q.tryOnce })
			return q
		}
	}),
})

// requeueDelay is how long a failed record stays out of the queue.
const requeueDelay = 10 * shortPause

// requeueing is a scheduler that gets failed records once more.
type requeueing struct {
	*pool.Scheduler[group.Task]
	work  harness.Work
	mu    sync.Mutex // mu is held while records are submitted
	shard func(group.Task) uint64
}

// Submit implements [pool.Workers].
func (q *requeueing) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shard = shard
	q.Scheduler.Submit(tasks, shard)
}

func (q *requeueing) tryOnce(t group.Task) {
	if !t.Start() {
		return
	}
	err := q.work.Do(t.Assignment.Context(), viewRecord(t.Record))
	t.Finish(err == nil)
	if err != nil {
		go func() {
			if sleepContext(t.Assignment.Context(), requeueDelay) == nil {
				q.Submit([]group.Task{t}, q.shard)
			}
		}()
	}
}
