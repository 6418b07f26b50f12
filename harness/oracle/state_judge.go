package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeState is one judgement under way: what several checks share, each made and fed
// once, and the checks with a state of their own. What is known of the run, and stays as
// it is, is in [Facts].
type judgeState struct {
	*Facts
	completed []ledger.Offsets // by partition of the source, where a record first lay; of the pump, see [batch]
	fences    *fences          // of the pump too, and ahead of the checks: asked for a time
	deferred  *deferredRanges  // so are these

	incomplete   *incomplete
	commits      *committedOffsets
	redeliveries *redeliveries
	keyOrder     *keyOrder

	entries []entry
	checks  []check // checks are by entry, nil for one that reads what is shared
}

func newJudgeState(f *Facts) *judgeState {
	j := &judgeState{Facts: f, completed: make([]ledger.Offsets, f.Partitions), deferred: &deferredRanges{facts: f}, entries: table()}
	j.fences = newFences(f, j.deferred)
	j.commits, j.redeliveries, j.keyOrder = newCommittedOffsets(f, j.fences), newRedeliveries(f, j.completed, j.deferred, j.fences), newKeyOrder(f, j.fences)
	j.incomplete = newIncomplete(f, j.completed, j.deferred, j.redeliveries.shares)
	j.checks = make([]check, len(j.entries))
	for i, e := range j.entries {
		if e.make != nil {
			j.checks[i] = e.make(j)
		}
	}
	return j
}

// observeBatch hands on the next events: to what is shared first, then to each check. So a
// check that looks at the trails at a commit or an answer finds the copies appended by
// then, and none that were later, see [batch].
func (j *judgeState) observeBatch(b *batch) {
	j.incomplete.trackCompletions(b)
	j.commits.trackCommits(b)
	j.redeliveries.trackWork(b)
	j.keyOrder.trackKeys(b)
	for _, c := range j.checks {
		if c != nil {
			c.Observe(b)
		}
	}
}

// checkVerdicts are what each check of the table found.
func (j *judgeState) checkVerdicts() []harness.Verdict {
	verdicts := make([]harness.Verdict, len(j.entries))
	for i, e := range j.entries {
		if c := j.checks[i]; c != nil {
			verdicts[i] = c.Verdict()
		} else {
			verdicts[i] = e.verdict(j)
		}
	}
	return verdicts
}
