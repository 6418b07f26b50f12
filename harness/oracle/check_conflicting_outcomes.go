package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckConflictingOutcomes finds a record with more than one outcome: a dead letter and an effect, or two dead
// letters. Two effects are a duplicate, and a record without an outcome is lost or outstanding. Other checks
// count those.
//
// The outcomes of a record are the positions at which it had an effect, and its dead letters. The check looks at
// each dead letter, and at the first effect at each position of a record with a dead letter. The outcome is a
// violation if the record has more outcomes than one plus its rewinds that explain another (see [route]). A
// record that lies in the source several times may have an outcome for each.
const CheckConflictingOutcomes = "conflicting outcomes"

var _ = register(entry{
	name: CheckConflictingOutcomes, gravity: outcomesWrong + 1,
	finds:  "a dead letter and an effect of one record, or two dead letters, that no rewind explains",
	claim:  "a consumer with dead letters or deferred ranges",
	heldTo: heldToOneOutcome, needs: []string{LedgerComplete, ObserversKeptUp},
	verdict: func(s *judgeState) harness.Verdict { return s.outcomes.outcomeVerdict() },
})

// heldToOneOutcome holds a consumer that can complete a record in more than one way.
func heldToOneOutcome(f *Facts) string {
	for _, s := range f.Sides {
		if s.Role == harness.RoleDeadLetter || s.Role == harness.RoleRanges {
			return "completed, compensated or dead-lettered, once"
		}
	}
	return ""
}

type conflictingOutcomes struct {
	facts        *Facts
	completed    []ledger.Offsets // completed is the state of [judgeState].
	deadLettered []ledger.Offsets // deadLettered is by partition of the source.
	deferred     *deferredRanges
	routes       *routes
	deadLetters  int64 // deadLetters are records with a dead letter.
	compensated  int64 // compensated are records whose first effect came after they were deferred.
	explained    int64
	found        findings
}

func newConflictingOutcomes(s *judgeState) *conflictingOutcomes {
	return &conflictingOutcomes{
		facts: s.Facts, completed: s.completed, deadLettered: make([]ledger.Offsets, s.Partitions), deferred: s.deferred, routes: s.routes,
	}
}

// judgeDeadLetter judges a dead letter.
func (c *conflictingOutcomes) judgeDeadLetter(e *ledger.Event) {
	if c.deadLettered[e.Origin].Add(e.Source) {
		c.deadLetters++
	}
	c.judgeOutcomes(e, func(outcomes, rewinds int) string {
		return fmt.Sprintf("appended to %s at %s, and it had an outcome before: %d outcomes, %d rewinds since",
			c.facts.topicName(e.Topic), formatTime(e.At), outcomes, rewinds)
	})
}

// judgeFirstEffect judges the first effect at a position.
func (c *conflictingOutcomes) judgeFirstEffect(e *ledger.Event) {
	if e.First && !c.deferred.isEmpty() && len(c.deferred.rangesBefore(e, sourcePosition(e))) > 0 {
		c.compensated++
	}
	if c.deadLetters > 0 && c.isDeadLettered(e) {
		c.judgeOutcomes(e, func(outcomes, rewinds int) string {
			return fmt.Sprintf("effect by %s at %s, and it is a dead letter: %d outcomes, %d rewinds since",
				c.facts.podName(e.Owner), formatTime(e.At), outcomes, rewinds)
		})
	}
}

// isDeadLettered reports whether the record of an event has a dead letter so far.
func (c *conflictingOutcomes) isDeadLettered(e *ledger.Event) bool {
	p := c.facts.Log.firstPosition(sourcePosition(e))
	return c.deadLettered[p.Partition].Has(p.Offset)
}

// judgeOutcomes counts the outcomes of an event's record, and the rewinds that explain them.
func (c *conflictingOutcomes) judgeOutcomes(e *ledger.Event, text func(outcomes, rewinds int) string) {
	route := c.routes.routeOf(e)
	outcomes := route.completions
	for _, copied := range c.routes.copies.copiesOf(e).copies {
		if c.facts.roleOf(copied.Topic) == harness.RoleDeadLetter {
			outcomes++
		}
	}
	switch {
	case outcomes <= route.positions:
	case outcomes-route.positions <= route.rewinds:
		c.explained++
	default:
		c.found.addAnomaly(func() harness.Anomaly { return anomalyOf(c.facts, e, "%s", text(outcomes, route.rewinds)) })
	}
}

func (c *conflictingOutcomes) outcomeVerdict() harness.Verdict {
	if heldToOneOutcome(c.facts) == "" {
		return c.found.toVerdict("")
	}
	var completed int64
	for p := range c.completed {
		completed += c.completed[p].Len()
	}
	detail := fmt.Sprintf("%d completed, %d compensated, %d dead-lettered, of %d appended", completed-c.compensated, c.compensated, c.deadLetters, c.facts.Log.Len())
	if c.explained > 0 {
		detail += fmt.Sprintf("; %d have a further outcome after a rewind", c.explained)
	}
	return c.found.toVerdict(detail)
}
