package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var completenessEntry = entry{
	name: CheckConflictingOutcomes, verdict: func(j *judging) harness.Verdict { return j.rewinds.complete.verdict() },
	heldTo: heldToCompleteness, leans: []string{LedgerComplete, ObserversKeptUp},
}

// heldToCompleteness: who has no dead letters and sets nothing aside has but one way to
// end a record.
func heldToCompleteness(f *Facts) string {
	for _, s := range f.Sides {
		if s.Role == harness.RoleDeadLetter || s.Role == harness.RoleRanges {
			return "completed, compensated or dead-lettered, once"
		}
	}
	return ""
}

// completeness finds records that ended in more than one way: a dead letter and an
// effect, or two dead letters. Those that ended in none are lost or owed, which
// other checks say; two effects are a duplicate.
//
// A dead letter, or the first effect at a position of a record with a dead letter, is a
// violation if the record's ends, which are the positions with an effect and the dead
// letters, are more than one and more than the rewinds that [rewinds] counts for it
// explain: each explains one more.
type completeness struct {
	facts       *Facts
	done        []ledger.Offsets // what is finished, see [judging]
	dead        []ledger.Offsets // by partition of the source
	asides      *asides
	letters     int64 // records with a dead letter
	compensated int64 // records with their first effect after they were set aside
	explained   int64
	found       findings
}

func newCompleteness(f *Facts, finished []ledger.Offsets, asides *asides) completeness {
	return completeness{facts: f, done: finished, dead: make([]ledger.Offsets, f.Partitions), asides: asides}
}

// letter takes a dead letter.
func (c *completeness) letter(e *ledger.Event, r *rewinds) {
	if c.dead[e.Origin].Add(e.Source) {
		c.letters++
	}
	c.judge(e, r, "appended to %s at %s, and it had ended before: %d ends, %d rewinds since", c.facts.topic(e.Topic), moment(e.At))
}

// finished takes the first effect at a position.
func (c *completeness) finished(e *ledger.Event, r *rewinds) {
	if e.First && !c.asides.none() && len(c.asides.before(e, sourceOf(e))) > 0 {
		c.compensated++
	}
	if c.letters > 0 && c.dead[e.Origin].Has(e.Source) {
		c.judge(e, r, "effect by %s at %s, and it is a dead letter: %d ends, %d rewinds since", c.facts.name(e.Owner), moment(e.At))
	}
}

// judge counts the ends that a record has come to.
func (c *completeness) judge(e *ledger.Event, r *rewinds, text, subject, when string) {
	ends, rewinds := r.way(e)
	for _, h := range r.trails.of(e).hops {
		if c.facts.role(h.Topic) == harness.RoleDeadLetter {
			ends++
		}
	}
	switch {
	case ends < 2:
	case ends-1 <= rewinds:
		c.explained++
	default:
		c.found.add(func() harness.Anomaly { return anomaly(c.facts, e, text, subject, when, ends, rewinds) })
	}
}

func (c *completeness) verdict() harness.Verdict {
	if heldToCompleteness(c.facts) == "" {
		return c.found.verdict("")
	}
	var finished int64
	for p := range c.done {
		finished += c.done[p].Len()
	}
	detail := fmt.Sprintf("%d completed, %d compensated, %d dead-lettered, of %d landed", finished-c.compensated, c.compensated, c.letters, c.facts.Log.Len())
	if c.explained > 0 {
		detail += fmt.Sprintf("; %d ended again after a rewind", c.explained)
	}
	return c.found.verdict(detail)
}
