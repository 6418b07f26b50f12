package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judging is one judgement under way: what several checks share, each made and fed
// once, and the checks with a state of their own. What is known of the run, and stays as
// it is, is in [Facts].
type judging struct {
	*Facts
	finished []ledger.Offsets // by partition of the source, where a record first lay; of the pump, see [batch]
	fences   *fences          // of the pump too, and ahead of the checks: asked for a time
	asides   *asides          // so are these

	unfinished *unfinished
	commits    *commits
	rewinds    *rewinds
	keyed      *keyed

	entries []entry
	checks  []check // checks are by entry, nil for one that reads what is shared
}

func newJudging(f *Facts) *judging {
	j := &judging{Facts: f, finished: make([]ledger.Offsets, f.Partitions), asides: &asides{facts: f}, entries: table()}
	j.fences = newFences(f, j.asides)
	j.commits, j.rewinds, j.keyed = newCommits(f, j.fences), newRewinds(f, j.finished, j.asides, j.fences), newKeyed(f, j.fences)
	j.unfinished = newUnfinished(f, j.finished, j.asides, j.rewinds.shares)
	j.checks = make([]check, len(j.entries))
	for i, e := range j.entries {
		if e.make != nil {
			j.checks[i] = e.make(j)
		}
	}
	return j
}

// observe hands on the next events: to what is shared first, then to each check. So a
// check that looks at the trails at a commit or an answer finds the copies appended by
// then, and none that were later, see [batch].
func (j *judging) observe(b *batch) {
	j.unfinished.observe(b)
	j.commits.observe(b)
	j.rewinds.observe(b)
	j.keyed.observe(b)
	for _, c := range j.checks {
		if c != nil {
			c.Observe(b)
		}
	}
}

// verdicts are what each check of the table found.
func (j *judging) verdicts() []harness.Verdict {
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
