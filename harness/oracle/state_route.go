package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeElsewhere judges the first effect at a position, of a record that had one at
// another.
func (r *redeliveries) judgeElsewhere(e *ledger.Event) {
	ends, rewinds := r.routeOf(e)
	ends = max(2, ends) // there was one elsewhere, or this were the first
	if ends-1 <= rewinds {
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "again at %s by %s, in %s, after a rewind of a place where it had been finished",
				formatTime(e.At), r.facts.podName(e.Owner), r.facts.topicName(e.Topic))
		})
		return
	}
	r.unexplained.addAnomaly(func() harness.Anomaly {
		return anomalyOf(r.facts, e, "again at %s by %s, in %s: finished at %d places, which were rewound %d times since",
			formatTime(e.At), r.facts.podName(e.Owner), r.facts.topicName(e.Topic), ends, rewinds)
	})
}

// routeOf counts the places at which the record of an event has had an effect, the
// event's included, and the rewinds that lead back to where it was finished. A copy of a
// member that the group had expelled and that could not know it (see [ownership.mayAppendLate])
// comes after the rewind that it is due to, and counts as one.
func (r *redeliveries) routeOf(e *ledger.Event) (ends, rewinds int) {
	look := func(place ledger.Position, exit time.Duration, left bool) {
		if r.facts.Share {
			rewinds += r.shares.countRedeliveries(place)
			if r.shares.peekRecord(place).owner != 0 {
				ends++
			}
			return
		}
		p := r.assignmentsIn(place.Topic, place.Partition)
		if p == nil {
			return
		}
		first := len(p.list)
		if left {
			first = p.firstSince(exit)
		}
		if last := p.lastEffectUnder(place.Offset); last >= 0 {
			ends++
			first = min(first, last+1)
		}
		rewinds += p.countRewinds(first, place.Offset)
	}
	source := ledger.Position{Partition: e.Origin, Offset: e.Source}
	t := r.copies.copiesOf(e)
	if t == nil {
		look(source, 0, false)
		return ends, rewinds
	}
	look(source, t.copies[0].at, true)
	for i, h := range t.copies {
		if r.isCopiedLate(source, t.copies[:i], h.at) {
			rewinds++
		}
		if i+1 < len(t.copies) {
			look(h.Position, t.copies[i+1].at, true)
		} else {
			look(h.Position, 0, false)
		}
	}
	return ends, rewinds
}

// isCopiedLate reports whether a copy that was appended at a time may be of a member that did not
// know that it had lost a place that the record lay at before.
func (r *redeliveries) isCopiedLate(source ledger.Position, before []appendedCopy, at time.Duration) bool {
	if r.fences.mayAppendLate(source, at) {
		return true
	}
	for _, h := range before {
		if r.fences.mayAppendLate(h.Position, at) {
			return true
		}
	}
	return false
}
