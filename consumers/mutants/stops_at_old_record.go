package mutants

import (
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// maxQueued is how long a record may wait in the queue of mutant-stops-at-old-record.
const maxQueued = 1500 * time.Millisecond

// As in smallrye-reactive-messaging 1811 and quarkus 22561.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-stops-at-old-record",
	Doc:         "Works no more after a record waited in its queue for longer than 1.5 s, and stays a good member of its group.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("pod-crash", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		var stopped atomic.Bool
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			return newTimedScheduler(m, func(t timedTask) {
				if time.Since(t.since) > maxQueued && !stopped.Swap(true) {
					p.cfg.Logger().Error("a record was queued for too long, the channel ends")
				}
				if !stopped.Load() {
					pool.NewWorker(work).Run(t.Task)
				}
			})
		}
	}),
})
