package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in confluentinc/parallel-consumer 826.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-skipped",
	Doc:         "When a partition is revoked, it skips the queued records, as it should, and counts them as completed. The last commit is past them.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFailIn("join", oracle.CheckLoss, oracle.CheckPrematureCommit), mustFailIn("deploy-under-load", oracle.CheckLoss, oracle.CheckPrematureCommit)...),
	MayFail:     afterRebalance,
	New:         changeKeyed(completeSkipped),
})

func completeSkipped(p *keyedPod) {
	var revoked sync.Map // of assignments
	p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
		for _, a := range ending {
			revoked.Store(a, true)
		}
		for hasOutstanding(ending) && sleepContext(p.ctx, shortPause) == nil {
		}
		m.Settle(ending)
	}
	p.NewWorker = func(_ *group.Member, work harness.Work) func([]group.Task) {
		honest := pool.NewWorker(work)
		return func(batch []group.Task) {
			for _, t := range batch {
				if _, skip := revoked.Load(t.Assignment); skip {
					completeWithoutWork(t)
				} else {
					honest.Run(t)
				}
			}
		}
	}
}

func hasOutstanding(assignments group.Assignments) bool {
	for _, a := range assignments {
		if a.Outstanding() > 0 {
			return true
		}
	}
	return false
}

// completeWithoutWork counts a record as completed.
func completeWithoutWork(t group.Task) {
	if t.Start() {
		t.Finish(true)
	}
}
