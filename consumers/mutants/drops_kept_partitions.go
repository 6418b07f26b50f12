package mutants

import (
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in zio/zio-kafka 469.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-kept-partitions",
	Doc:         "Empties all its queues at a rebalance, also those of partitions that it keeps. The client does not read their records again, and later commits are past them.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("deploy-under-load", oracle.CheckLoss, oracle.CheckPrematureCommit),
	MayFail:     afterRebalance,
	New:         changeKeyed(dropQueuesAtRebalance),
})

func dropQueuesAtRebalance(p *keyedPod) {
	var mu sync.Mutex
	var rebalanced time.Time
	p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
		m.Settle(ending) // the honest end of those that it gives up
		mu.Lock()
		defer mu.Unlock()
		rebalanced = time.Now()
	}
	p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
		return newTimedScheduler(m, func(t timedTask) {
			mu.Lock()
			dropped := t.since.Before(rebalanced)
			mu.Unlock()
			if dropped {
				completeWithoutWork(t.Task)
				return
			}
			pool.NewWorker(work).Run(t.Task)
		})
	}
}
