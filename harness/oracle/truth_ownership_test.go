package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// unfenced reports whether the group had expelled the member of an attempt by a time, and the
// attempt began before the member learned of that. The latest assignment before the attempt
// decides.
func (r *reference) unfenced(e *ledger.Event, by time.Duration) bool {
	a := r.w.trace.lastAssigned(r.w.part(e.Position()), e.Owner, e.Start)
	return a != nil && a.learned > 0 && a.until <= by && e.Start <= a.learned
}

// isBlurred reports whether a member that the group expelled from a partition began to work on it
// while observers saw the partition change its owner. The check may take that for work of a member
// that does not know of its expulsion, and leave it out.
func (r *reference) isBlurred() bool {
	return slices.ContainsFunc(r.w.attempts, func(a *attempt) bool {
		return r.w.unclear(a.Position(), a.At) && slices.ContainsFunc(r.w.trace.assignments, func(s *trueAssignment) bool {
			return s.part == r.w.part(a.Position()) && s.by.owner == a.Owner && s.learned > 0
		})
	})
}

// fenceable lists the checks that leave out work of a member that does not know of its expulsion.
var fenceable = []string{CheckOverlap, CheckKeyInversion, CheckRetryOvertaking, CheckPartitionInversion, CheckRedeliveryOutOfOrder, CheckStarvation, CheckUnfencedWork}

// judgeOwnership decides which work was done on a partition that its member did not own.
//
// A zombie is an attempt by a member that had lost the partition. Either the member knew of its
// expulsion, or the partition was revoked and its new owner had begun a record. Unfenced work ends
// after an expulsion that its member did not know of when it began. Deferred records are left out:
// the owner of the range works on them.
//
// The check may miss work that began in the interval in which observers saw the loss.
func (r *reference) judgeOwnership() {
	for _, a := range r.w.attempts {
		p := a.Position()
		part := r.w.part(p)
		if part == nil || r.facts.Share {
			continue
		}
		lost := r.w.trace.lastAssigned(part, a.Owner, a.At)
		if lost == nil || r.w.trace.assigned(part, a.Owner, a.At) != nil && !r.unfenced(&a.Event, never) {
			continue
		}
		end := a.Event
		end.At = a.end
		if r.unfenced(&end, a.end) {
			if !r.isDeferred(p, a.end) {
				r.perhaps(CheckUnfencedWork, p, a.end > r.seenExpelled(lost) && !r.w.unclear(p, a.At))
			}
			continue
		}
		taken := slices.ContainsFunc(r.w.attempts, func(o *attempt) bool {
			by := r.w.trace.assigned(part, o.Owner, o.At)
			return o.At < a.At && o.Owner != a.Owner && r.w.part(o.Position()) == part && by != nil && by.from >= lost.until
		})
		if lost.until <= a.At && (lost.learned > 0 || taken) && !r.isDeferred(p, a.At) {
			sure := !r.w.unclear(p, a.At) && (lost.learned == 0 || a.At > lost.learned+r.facts.Heartbeat)
			r.zombies[a] = sure
			r.perhaps(CheckZombie, p, sure)
		}
	}
}

// seenExpelled is when observers had surely seen the expulsion that ended an assignment.
func (r *reference) seenExpelled(a *trueAssignment) (seen time.Duration) {
	for _, e := range r.events {
		if e.Kind == ledger.EventExpelled && e.Owner == a.by.owner && e.At == a.until {
			seen = max(seen, e.Seen)
		}
	}
	return seen
}
