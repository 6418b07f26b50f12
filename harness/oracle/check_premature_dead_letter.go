package oracle

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckPrematureDeadLetter finds a dead letter of a record that the consumer gave up without a reason.
//
// A dead letter needs as many failed attempts on its record as the consumer declares (see
// [harness.DeadLetterPolicy]). They may be at any place of the record and by any pod. One attempt that ended in
// poison is enough. A cancelled attempt is enough if the consumer declares that, and no reason otherwise. An
// attempt that died with its process is no reason, and neither is a long wait.
//
// The attempts count if they ended before the dead letter was appended, or up to 10 ms after its stamp.
const CheckPrematureDeadLetter = "premature dead letter"

var _ = register(entry{
	name: CheckPrematureDeadLetter, gravity: outcomesWrong + 2,
	finds:  "a dead letter of a record on which fewer attempts had failed than the consumer declares",
	claim:  "a consumer with dead letters (`DeadLetterPolicy`)",
	heldTo: heldToFailures, needs: []string{LedgerComplete},
	newCheck: func(s *judgeState) check { return newPrematureDeadLetter(s.Facts) },
})

// heldToFailures holds a consumer with dead letters to the failures that it declares.
func heldToFailures(f *Facts) string {
	if !hasDeadLetters(f) {
		return ""
	}
	return "no dead letter without " + requiredFailures(f.DeadLetters)
}

// requiredFailures says what a dead letter needs.
func requiredFailures(l harness.DeadLetterPolicy) string {
	reason := "a failed attempt"
	if l.MinAttempts() > 1 {
		reason = fmt.Sprintf("%d failed attempts, or poison", l.MinAttempts())
	}
	if l.Cancelled {
		reason += ", or a cancelled attempt"
	}
	return reason
}

func hasDeadLetters(f *Facts) bool {
	return slices.ContainsFunc(f.Sides, func(s Side) bool { return s.Role == harness.RoleDeadLetter })
}

// stampSlack is how much earlier than it happened an append may be stamped: the broker's time is in
// whole milliseconds, and its clock may be corrected.
const stampSlack = 10 * time.Millisecond

// enoughFailures is the count of a record that may be given up, however many attempts failed.
const enoughFailures = math.MaxUint8

type prematureDeadLetter struct {
	facts       *Facts
	observed    bool                 // observed: the consumer has dead letters.
	failed      []offsetSlice[uint8] // failed counts the failed attempts by the first position of a record in the source, up to enoughFailures.
	waiting     []ledger.Event       // waiting are dead letters without enough failures so far, the latest last.
	deadLetters int64
	found       findings
}

func newPrematureDeadLetter(f *Facts) *prematureDeadLetter {
	return &prematureDeadLetter{facts: f, observed: hasDeadLetters(f), failed: make([]offsetSlice[uint8], f.Partitions)}
}

func (u *prematureDeadLetter) Observe(b *batch) {
	if !u.observed {
		return
	}
	for _, e := range b.Work {
		if len(u.waiting) > 0 {
			u.reportExpired(e.At - stampSlack)
		}
		switch {
		case e.Kind == ledger.EventEnd && e.Held:
			u.countFailure(e)
		case e.Kind == ledger.EventCopied && e.Held && u.facts.roleOf(e.Topic) == harness.RoleDeadLetter:
			u.deadLetters++
			if !u.hasReason(sourcePosition(e)) {
				u.waiting = append(u.waiting, *e)
			}
		}
	}
}

// countFailure counts the end of an attempt, if it is a reason for a dead letter.
func (u *prematureDeadLetter) countFailure(e *ledger.Event) {
	more := uint8(0)
	switch {
	case e.Outcome == ledger.OutcomePoison, e.Outcome == ledger.OutcomeCancelled && u.facts.DeadLetters.Cancelled:
		more = enoughFailures
	case isFailure(e):
		more = 1
	default:
		return
	}
	first := u.facts.Log.firstPosition(sourcePosition(e))
	count := u.failed[first.Partition].placeAt(first.Offset)
	*count = max(*count, more, *count+min(more, 1))
	u.waiting = slices.DeleteFunc(u.waiting, func(l ledger.Event) bool { return sourcePosition(&l) == first && u.hasReason(first) })
}

// hasReason reports whether there is a reason so far to give up the record that first lay at p.
func (u *prematureDeadLetter) hasReason(p ledger.Position) bool {
	return int(u.failed[p.Partition].valueAt(p.Offset)) >= min(u.facts.DeadLetters.MinAttempts(), enoughFailures)
}

// reportExpired reports the waiting dead letters that were appended before a time.
func (u *prematureDeadLetter) reportExpired(before time.Duration) {
	n := 0
	for n < len(u.waiting) && u.waiting[n].At < before {
		e := &u.waiting[n]
		failed := u.failed[e.Origin].valueAt(e.Source)
		u.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(u.facts, e, "appended to %s at %s after %d failed attempts; a dead letter needs %s",
				u.facts.topicName(e.Topic), formatTime(e.At), failed, requiredFailures(u.facts.DeadLetters))
		})
		n++
	}
	u.waiting = slices.Delete(u.waiting, 0, n)
}

func (u *prematureDeadLetter) Verdict() harness.Verdict {
	u.reportExpired(never)
	detail := ""
	if u.found.count > 0 {
		detail = fmt.Sprintf("%d of %d dead letters are of records that the consumer had no reason to give up", u.found.count, u.deadLetters)
	}
	return u.found.toVerdict(detail)
}
