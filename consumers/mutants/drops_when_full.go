package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-when-full",
	Doc:         "Drops a record if the queue of its worker is full, and counts it as completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("uneven", oracle.CheckLoss, oracle.CheckPrematureCommit),
	New: changeKeyed(func(p *keyedPod) {
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			return startShortQueues(m.Config().Workers, work)
		}
	}),
})

// shortQueue is how many records wait in the queue of a worker.
const shortQueue = 2

// shortQueues is a queue for each worker. A key is always in the same queue.
type shortQueues struct {
	queues  []chan group.Task
	workers sync.WaitGroup
}

func startShortQueues(workers int, work harness.Work) *shortQueues {
	s := &shortQueues{}
	for range workers {
		queue := make(chan group.Task, shortQueue)
		s.queues = append(s.queues, queue)
		s.workers.Go(func() {
			w := pool.NewWorker(work)
			for t := range queue {
				w.Run(t)
			}
		})
	}
	return s
}

// Submit implements [pool.Workers].
func (s *shortQueues) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	for _, t := range tasks {
		select {
		case s.queues[shard(t)%uint64(len(s.queues))] <- t:
		default:
			completeWithoutWork(t)
		}
	}
}

// Close implements [pool.Workers].
func (s *shortQueues) Close() {
	for _, queue := range s.queues {
		close(queue)
	}
	s.workers.Wait()
}
