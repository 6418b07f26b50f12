package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var unfoundedEntry = entry{
	name: "unfounded dead letter", make: func(j *judging) check { return newUnfounded(j.Facts) },
	heldTo: heldToFailures, leans: []string{LedgerComplete},
}

// heldToFailures: who has dead letters says by each that the work on a record failed.
func heldToFailures(f *Facts) string {
	if hasLetters(f) {
		return "no dead letter without failed work"
	}
	return ""
}

func hasLetters(f *Facts) bool {
	return slices.ContainsFunc(f.Sides, func(s Side) bool { return s.Role == harness.RoleDeadLetter })
}

// stampSlack is how much earlier than it was the append of a copy may be stamped: the
// broker's time is in whole milliseconds, and its clock may be corrected.
const stampSlack = 10 * time.Millisecond

// unfounded finds dead letters of records whose work had not failed.
//
// A copy in a dead-letter topic, of a record of the source, needs an attempt on that
// record, at any of its places and by anybody, that ended in error before the copy was
// appended, or no later than [stampSlack] after its stamp. An attempt that was cancelled,
// or that died with its process, is no failure: neither says anything of the record. Nor
// does it say anything that a record has waited long: a design that dead-letters what
// waits behind another would have to declare it, and none can yet.
type unfounded struct {
	facts    *Facts
	observed bool // observed: there are dead letters
	failed   failures
	waiting  []ledger.Event // waiting are dead letters without a failure yet, the latest last
	letters  int64
	found    findings
}

func newUnfounded(f *Facts) *unfounded {
	return &unfounded{facts: f, observed: hasLetters(f), failed: newFailures(f)}
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
		case isFailure(e):
			of := u.failed.add(e)
			u.waiting = slices.DeleteFunc(u.waiting, func(l ledger.Event) bool { return sourceOf(&l) == of })
		case e.Edge == ledger.EdgeCustody && e.Held && u.facts.role(e.Topic) == harness.RoleDeadLetter:
			u.letters++
			if !u.failed.has(sourceOf(e)) {
				u.waiting = append(u.waiting, *e)
			}
		}
	}
}

// expire gives up on the dead letters appended before a time.
func (u *unfounded) expire(before time.Duration) {
	n := 0
	for n < len(u.waiting) && u.waiting[n].At < before {
		e := &u.waiting[n]
		u.found.add(func() harness.Anomaly {
			return anomaly(u.facts, e, "appended to %s at %s, and no work on it had failed", u.facts.topic(e.Topic), moment(e.At))
		})
		n++
	}
	u.waiting = slices.Delete(u.waiting, 0, n)
}

func (u *unfounded) Verdict() harness.Verdict {
	u.expire(never)
	detail := ""
	if u.found.count > 0 {
		detail = fmt.Sprintf("%d of %d dead letters are of records whose work had not failed", u.found.count, u.letters)
	}
	return u.found.verdict(detail)
}
