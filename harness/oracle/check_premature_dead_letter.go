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
	name: CheckPrematureDeadLetter, make: func(j *judging) check { return newUnfounded(j.Facts) },
	heldTo: heldToFailures, leans: []string{LedgerComplete},
}

// heldToFailures: who has dead letters says by each that the work on a record failed,
// as often as it declares.
func heldToFailures(f *Facts) string {
	if !hasLetters(f) {
		return ""
	}
	return "no dead letter without " + reasonFor(f.Letters)
}

// reasonFor is what founds a dead letter, in words.
func reasonFor(l harness.DeadLetterPolicy) string {
	reason := "failed work"
	if l.MinAttempts() > 1 {
		reason = fmt.Sprintf("%d failed tries, or poison", l.MinAttempts())
	}
	if l.Cancelled {
		reason += ", or cancelled work"
	}
	return reason
}

func hasLetters(f *Facts) bool {
	return slices.ContainsFunc(f.Sides, func(s Side) bool { return s.Role == harness.RoleDeadLetter })
}

// stampSlack is how much earlier than it was the append of a copy may be stamped: the
// broker's time is in whole milliseconds, and its clock may be corrected.
const stampSlack = 10 * time.Millisecond

// unfounded finds dead letters of records that nothing gave a reason to give up.
//
// A copy in a dead-letter topic, of a record of the source, needs as many attempts on
// that record as the consumer declares (see [harness.DeadLetterPolicy]), at any of its places and
// by anybody, that ended in error before the copy was appended, or no later than
// [stampSlack] after its stamp; or one that ended in poison. An attempt that was
// cancelled is no failure, and enough for who declares that. One that died with its
// process is neither: it says nothing of the record. Nor does it say anything that a
// record has waited long and was never begun.
type unfounded struct {
	facts    *Facts
	observed bool            // observed: there are dead letters
	failed   []chunks[uint8] // by partition of the source, where a record first lay: attempts that ended in error, enough for more than any count
	waiting  []ledger.Event  // waiting are dead letters without enough failures yet, the latest last
	letters  int64
	found    findings
}

// enough is the count of a record that may be given up whatever else failed.
const enough = math.MaxUint8

func newUnfounded(f *Facts) *unfounded {
	return &unfounded{facts: f, observed: hasLetters(f), failed: make([]chunks[uint8], f.Partitions)}
}

func (u *unfounded) Observe(b *batch) {
	if !u.observed {
		return
	}
	for _, e := range b.Work {
		if len(u.waiting) > 0 {
			u.expire(e.At - stampSlack)
		}
		switch {
		case e.Kind == ledger.EventEnd && e.Held:
			u.attempt(e)
		case e.Kind == ledger.EventCopied && e.Held && u.facts.role(e.Topic) == harness.RoleDeadLetter:
			u.letters++
			if !u.founded(sourceOf(e)) {
				u.waiting = append(u.waiting, *e)
			}
		}
	}
}

// attempt takes the end of one.
func (u *unfounded) attempt(e *ledger.Event) {
	more := uint8(0)
	switch {
	case e.Outcome == ledger.OutcomePoison, e.Outcome == ledger.OutcomeCancelled && u.facts.Letters.Cancelled:
		more = enough
	case isFailure(e):
		more = 1
	default:
		return
	}
	of := u.facts.Log.first(sourceOf(e))
	count := u.failed[of.Partition].at(of.Offset)
	*count = max(*count, more, *count+min(more, 1))
	u.waiting = slices.DeleteFunc(u.waiting, func(l ledger.Event) bool { return sourceOf(&l) == of && u.founded(of) })
}

// founded reports whether there was reason so far to give up the record that first lay
// at p.
func (u *unfounded) founded(p ledger.Position) bool {
	return int(u.failed[p.Partition].get(p.Offset)) >= min(u.facts.Letters.MinAttempts(), enough)
}

// expire gives up on the dead letters appended before a time.
func (u *unfounded) expire(before time.Duration) {
	n := 0
	for n < len(u.waiting) && u.waiting[n].At < before {
		e := &u.waiting[n]
		failed := u.failed[e.Origin].get(e.Source)
		u.found.add(func() harness.Anomaly {
			return anomaly(u.facts, e, "appended to %s at %s, and work on it had failed %d times: it takes %s",
				u.facts.topic(e.Topic), moment(e.At), failed, reasonFor(u.facts.Letters))
		})
		n++
	}
	u.waiting = slices.Delete(u.waiting, 0, n)
}

func (u *unfounded) Verdict() harness.Verdict {
	u.expire(never)
	detail := ""
	if u.found.count > 0 {
		detail = fmt.Sprintf("%d of %d dead letters are of records that there was no reason to give up", u.found.count, u.letters)
	}
	return u.found.verdict(detail)
}
