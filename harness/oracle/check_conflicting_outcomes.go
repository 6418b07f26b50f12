package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var completenessEntry = entry{
	name: CheckConflictingOutcomes, verdict: func(j *judgeState) harness.Verdict { return j.redeliveries.outcomes.outcomeVerdict() },
	heldTo: heldToOneOutcome, leans: []string{LedgerComplete, ObserversKeptUp},
}

// heldToOneOutcome: who has no dead letters and sets nothing aside has but one way to
// end a record.
func heldToOneOutcome(f *Facts) string {
	for _, s := range f.Sides {
		if s.Role == harness.RoleDeadLetter || s.Role == harness.RoleRanges {
			return "completed, compensated or dead-lettered, once"
		}
	}
	return ""
}

// conflictingOutcomes finds records that ended in more than one way: a dead letter and an
// effect, or two dead letters. Those that ended in none are lost or owed, which
// other checks say; two effects are a duplicate.
//
// A dead letter, or the first effect at a position of a record with a dead letter, is a
// violation if the record's ends, which are the positions with an effect and the dead
// letters, are more than one and more than the rewinds that [redeliveries] counts for it
// explain: each explains one more.
type conflictingOutcomes struct {
	facts        *Facts
	completed    []ledger.Offsets // what is finished, see [judgeState]
	deadLettered []ledger.Offsets // by partition of the source
	deferred     *deferredRanges
	deadLetters  int64 // records with a dead letter
	compensated  int64 // records with their first effect after they were set aside
	explained    int64
	found        findings
}

func newConflictingOutcomes(f *Facts, finished []ledger.Offsets, asides *deferredRanges) conflictingOutcomes {
	return conflictingOutcomes{facts: f, completed: finished, deadLettered: make([]ledger.Offsets, f.Partitions), deferred: asides}
}

// judgeDeadLetter takes a dead letter.
func (c *conflictingOutcomes) judgeDeadLetter(e *ledger.Event, r *redeliveries) {
	if c.deadLettered[e.Origin].Add(e.Source) {
		c.deadLetters++
	}
	c.judgeOutcomes(e, r, "appended to %s at %s, and it had ended before: %d ends, %d rewinds since", c.facts.topicName(e.Topic), formatTime(e.At))
}

// judgeFirstEffect takes the first effect at a position.
func (c *conflictingOutcomes) judgeFirstEffect(e *ledger.Event, r *redeliveries) {
	if e.First && !c.deferred.isEmpty() && len(c.deferred.rangesBefore(e, sourcePosition(e))) > 0 {
		c.compensated++
	}
	if c.deadLetters > 0 && c.deadLettered[e.Origin].Has(e.Source) {
		c.judgeOutcomes(e, r, "effect by %s at %s, and it is a dead letter: %d ends, %d rewinds since", c.facts.podName(e.Owner), formatTime(e.At))
	}
}

// judgeOutcomes counts the ends that a record has come to.
func (c *conflictingOutcomes) judgeOutcomes(e *ledger.Event, r *redeliveries, text, subject, when string) {
	ends, rewinds := r.routeOf(e)
	for _, h := range r.copies.copiesOf(e).copies {
		if c.facts.roleOf(h.Topic) == harness.RoleDeadLetter {
			ends++
		}
	}
	switch {
	case ends < 2:
	case ends-1 <= rewinds:
		c.explained++
	default:
		c.found.addAnomaly(func() harness.Anomaly { return anomalyOf(c.facts, e, text, subject, when, ends, rewinds) })
	}
}

func (c *conflictingOutcomes) outcomeVerdict() harness.Verdict {
	if heldToOneOutcome(c.facts) == "" {
		return c.found.toVerdict("")
	}
	var finished int64
	for p := range c.completed {
		finished += c.completed[p].Len()
	}
	detail := fmt.Sprintf("%d completed, %d compensated, %d dead-lettered, of %d landed", finished-c.compensated, c.compensated, c.deadLetters, c.facts.Log.Len())
	if c.explained > 0 {
		detail += fmt.Sprintf("; %d ended again after a rewind", c.explained)
	}
	return c.found.toVerdict(detail)
}
