package mutants

import (
	"slices"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in spring-projects/spring-kafka 1382 and 1435.
var _ = harness.Register(harness.Implementation{
	Name:     "mutant-redoes-batch",
	Doc:      "Works on all records of a poll again if one of them fails, also on those before it that had their effects.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderPartition,
	Mutant:   true,
	MustFail: mustFailIn("failing-work", oracle.CheckUnexplainedDuplicate),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckKeyInversion, Why: "it repeats an earlier record of a key after a later one, in one assignment"},
		{Check: oracle.CheckOverload, Why: "it does most records many times"},
		{Check: oracle.CheckStalledCommit, Why: "it commits nothing of a batch before all of it succeeds"},
	}, afterRebalance...),
	New: changePolls(func(p *pollingPod) {
		p.step = func(_ *group.Member, work harness.Work, tasks []group.Task) {
			batch := slices.DeleteFunc(tasks, func(t group.Task) bool { return !t.Start() })
			for !workOnAll(work, batch) {
				if sleepContext(p.ctx, shortPause) != nil {
					break
				}
			}
			for _, t := range batch {
				t.Finish(p.ctx.Err() == nil)
			}
		}
	}),
})

// workOnAll works on records up to the first that fails, and reports whether all succeeded.
func workOnAll(work harness.Work, batch []group.Task) bool {
	for _, t := range batch {
		if work.Do(t.Assignment.Context(), viewRecord(t.Record)) != nil {
			return t.Assignment.Context().Err() != nil
		}
	}
	return true
}
