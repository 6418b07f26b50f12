package oracle

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var unfoundedEntry = entry{
	name: CheckPrematureDeadLetter, make: func(j *judgeState) check { return newPrematureDeadLetter(j.Facts) },
	heldTo: heldToFailures, leans: []string{LedgerComplete},
}

// heldToFailures: who has dead letters says by each that the work on a record failed,
// as often as it declares.
func heldToFailures(f *Facts) string {
	if !hasDeadLetters(f) {
		return ""
	}
	return "no dead letter without " + requiredFailures(f.DeadLetters)
}

// requiredFailures is what founds a dead letter, in words.
func requiredFailures(l harness.DeadLetterPolicy) string {
	reason := "failed work"
	if l.MinAttempts() > 1 {
		reason = fmt.Sprintf("%d failed tries, or poison", l.MinAttempts())
	}
	if l.Cancelled {
		reason += ", or cancelled work"
	}
	return reason
}

func hasDeadLetters(f *Facts) bool {
	return slices.ContainsFunc(f.Sides, func(s Side) bool { return s.Role == harness.RoleDeadLetter })
}

// stampSlack is how much earlier than it was the append of a copy may be stamped: the
// broker's time is in whole milliseconds, and its clock may be corrected.
const stampSlack = 10 * time.Millisecond

// prematureDeadLetter finds dead letters of records that nothing gave a reason to give up.
//
// A copy in a dead-letter topic, of a record of the source, needs as many attempts on
// that record as the consumer declares (see [harness.DeadLetterPolicy]), at any of its places and
// by anybody, that ended in error before the copy was appended, or no later than
// [stampSlack] after its stamp; or one that ended in poison. An attempt that was
// cancelled is no failure, and enough for who declares that. One that died with its
// process is neither: it says nothing of the record. Nor does it say anything that a
// record has waited long and was never begun.
type prematureDeadLetter struct {
	facts       *Facts
	observed    bool                 // observed: there are dead letters
	failed      []offsetSlice[uint8] // by partition of the source, where a record first lay: attempts that ended in error, enough for more than any count
	waiting     []ledger.Event       // waiting are dead letters without enough failures yet, the latest last
	deadLetters int64
	found       findings
}

// enough is the count of a record that may be given up whatever else failed.
const enough = math.MaxUint8

func newPrematureDeadLetter(f *Facts) *prematureDeadLetter {
	return &prematureDeadLetter{facts: f, observed: hasDeadLetters(f), failed: make([]offsetSlice[uint8], f.Partitions)}
}

func (u *prematureDeadLetter) Observe(b *batch) {
	if !u.observed {
		return
	}
	for _, e := range b.Work {
		if len(u.waiting) > 0 {
			u.reportUnfounded(e.At - stampSlack)
		}
		switch {
		case e.Kind == ledger.EventEnd && e.Held:
			u.countFailure(e)
		case e.Kind == ledger.EventCopied && e.Held && u.facts.roleOf(e.Topic) == harness.RoleDeadLetter:
			u.deadLetters++
			if !u.isFounded(sourcePosition(e)) {
				u.waiting = append(u.waiting, *e)
			}
		}
	}
}

// countFailure takes the end of one.
func (u *prematureDeadLetter) countFailure(e *ledger.Event) {
	more := uint8(0)
	switch {
	case e.Outcome == ledger.OutcomePoison, e.Outcome == ledger.OutcomeCancelled && u.facts.DeadLetters.Cancelled:
		more = enough
	case isFailure(e):
		more = 1
	default:
		return
	}
	of := u.facts.Log.firstPosition(sourcePosition(e))
	count := u.failed[of.Partition].placeAt(of.Offset)
	*count = max(*count, more, *count+min(more, 1))
	u.waiting = slices.DeleteFunc(u.waiting, func(l ledger.Event) bool { return sourcePosition(&l) == of && u.isFounded(of) })
}

// isFounded reports whether there was reason so far to give up the record that first lay
// at p.
func (u *prematureDeadLetter) isFounded(p ledger.Position) bool {
	return int(u.failed[p.Partition].valueAt(p.Offset)) >= min(u.facts.DeadLetters.MinAttempts(), enough)
}

// reportUnfounded gives up on the dead letters appended before a time.
func (u *prematureDeadLetter) reportUnfounded(before time.Duration) {
	n := 0
	for n < len(u.waiting) && u.waiting[n].At < before {
		e := &u.waiting[n]
		failed := u.failed[e.Origin].valueAt(e.Source)
		u.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(u.facts, e, "appended to %s at %s, and work on it had failed %d times: it takes %s",
				u.facts.topicName(e.Topic), formatTime(e.At), failed, requiredFailures(u.facts.DeadLetters))
		})
		n++
	}
	u.waiting = slices.Delete(u.waiting, 0, n)
}

func (u *prematureDeadLetter) Verdict() harness.Verdict {
	u.reportUnfounded(never)
	detail := ""
	if u.found.count > 0 {
		detail = fmt.Sprintf("%d of %d dead letters are of records that there was no reason to give up", u.found.count, u.deadLetters)
	}
	return u.found.toVerdict(detail)
}
