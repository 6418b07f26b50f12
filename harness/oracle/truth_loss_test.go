package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeLosses decides which losses of a consumer that claims at-most-once are unexplained. A loss
// has an excuse if work on the record failed, if its partition is not done at the end of the run,
// or if one of its partitions was disturbed since the record was appended there. A partition is
// disturbed if its owner changes, or if an outage of its owner begins or ends.
//
// The check may excuse a record if observers do not know when it was appended, or if it was
// appended while they saw its partition change.
func (r *reference) judgeLosses() {
	if r.facts.Delivery != harness.AtMostOnce {
		return
	}
	outstanding := slices.Concat(r.expected.must[CheckStall], r.expected.must[CheckOverload])
	for _, p := range r.expected.must[CheckLoss] {
		excused := slices.ContainsFunc(outstanding, func(o ledger.Position) bool { return o.Partition == p.Partition })
		for _, e := range r.events {
			excused = excused || e.Kind == ledger.EventEnd && failed(e.Outcome) && r.holds(&e) && r.record(e.Position()) == r.record(p)
		}
		places, sure := []ledger.Position{p}, true
		for _, c := range r.copiesOf(p, never) {
			places = append(places, c.Position())
		}
		for _, at := range places {
			appended := r.appended(at)
			excused = excused || appended <= r.lastDisturbed(at)
			sure = sure && r.isKnown(at, appended) && appended > r.lastSeenDisturbed(at)
		}
		if !excused {
			r.perhaps(CheckUnexplainedLoss, p, sure)
		}
	}
}

// appended lists the copies in the topic of a role.
func (r *reference) appended(p ledger.Position) time.Duration {
	for _, part := range append(r.w.parts[:len(r.w.parts):len(r.w.parts)], r.w.deadLetters...) {
		for _, l := range part.records {
			if l.place == p {
				return l.at
			}
		}
	}
	return -1
}

// isKnown reports whether observers know when the record at a position was appended.
func (r *reference) isKnown(p ledger.Position, appended time.Duration) bool {
	return p.Topic > 0 || slices.ContainsFunc(r.events, func(e ledger.Event) bool {
		return e.Kind == ledger.EventAcked && e.Outcome == ledger.OutcomeAcked && e.Position() == p && e.Sent == appended
	})
}

// lastDisturbed is when the partition of a position was last disturbed before the end of the drain.
// In a share group the end of any member disturbs it.
func (r *reference) lastDisturbed(p ledger.Position) (last time.Duration) {
	last = -1
	note := func(at time.Duration) {
		if at <= r.facts.DrainEnd {
			last = max(last, at)
		}
	}
	if r.facts.Share {
		for _, at := range r.w.trace.downs {
			note(at)
		}
	}
	first := true
	for _, a := range r.w.trace.assignments {
		if a.part != r.w.part(p) {
			continue
		}
		if !first {
			note(a.from)
		}
		first = false
		note(a.until)
		for _, o := range r.w.trace.outages {
			for _, at := range []time.Duration{o.from, o.to} {
				if o.of == a.by && at >= a.from && at < a.until {
					note(at)
				}
			}
		}
	}
	return last
}

// lastSeenDisturbed is the latest time at which observers may date the last disturbance of a
// partition.
func (r *reference) lastSeenDisturbed(p ledger.Position) (last time.Duration) {
	last = r.lastDisturbed(p)
	for _, e := range r.events {
		if e.At > r.facts.DrainEnd {
			continue
		}
		switch e.Kind {
		case ledger.EventReleased, ledger.EventExpelled:
			last = max(last, e.Seen)
		case ledger.EventOwned:
			if e.Topic == p.Topic && e.Partition == p.Partition && e.Seen > r.w.firstSeen(p) {
				last = max(last, e.Seen)
			}
		}
	}
	return last
}
