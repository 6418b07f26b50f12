package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-hides-failure-in-batch",
	Doc:         "Counts all records of a batch as completed if one of them failed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("failing", oracle.CheckLoss, oracle.CheckPrematureCommit),
	New: changeKeyed(func(p *keyedPod) {
		p.Batch = 10
		p.NewWorker = func(_ *group.Member, work harness.Work) func([]group.Task) {
			return func(batch []group.Task) { completeDespiteFailure(batch, work) }
		}
	}),
})

// completeDespiteFailure works on the records of a batch up to the first that fails, and
// completes all.
func completeDespiteFailure(batch []group.Task, work harness.Work) {
	failed := false
	for _, t := range batch {
		if !t.Start() {
			continue
		}
		if !failed {
			failed = work.Do(t.Assignment.Context(), viewRecord(t.Record)) != nil
		}
		t.Finish(t.Assignment.Context().Err() == nil)
	}
}
