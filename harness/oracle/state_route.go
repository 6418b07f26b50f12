package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// elsewhere judges the first effect at a position, of a record that had one at
// another.
func (r *rewinds) elsewhere(e *ledger.Event) {
	ends, rewinds := r.way(e)
	ends = max(2, ends) // there was one elsewhere, or this were the first
	if ends-1 <= rewinds {
		r.explained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "again at %s by %s, in %s, after a rewind of a place where it had been finished",
				moment(e.At), r.facts.name(e.Owner), r.facts.topic(e.Topic))
		})
		return
	}
	r.unexplained.add(func() harness.Anomaly {
		return anomaly(r.facts, e, "again at %s by %s, in %s: finished at %d places, which were rewound %d times since",
			moment(e.At), r.facts.name(e.Owner), r.facts.topic(e.Topic), ends, rewinds)
	})
}

// way counts the places at which the record of an event has had an effect, the
// event's included, and the rewinds that lead back to where it was finished. A copy of a
// member that the group had expelled and that could not know it (see [holdings.late])
// comes after the rewind that it is due to, and counts as one.
func (r *rewinds) way(e *ledger.Event) (ends, rewinds int) {
	look := func(place ledger.Position, exit time.Duration, left bool) {
		if r.facts.Share {
			rewinds += r.shares.redelivered(place)
			if r.shares.peek(place).owner != 0 {
				ends++
			}
			return
		}
		p := r.part(place.Topic, place.Partition)
		if p == nil {
			return
		}
		first := len(p.list)
		if left {
			first = p.since(exit)
		}
		if last := p.last(place.Offset); last >= 0 {
			ends++
			first = min(first, last+1)
		}
		rewinds += p.rewinds(first, place.Offset)
	}
	source := ledger.Position{Partition: e.Origin, Offset: e.Source}
	t := r.trails.of(e)
	if t == nil {
		look(source, 0, false)
		return ends, rewinds
	}
	look(source, t.hops[0].at, true)
	for i, h := range t.hops {
		if r.late(source, t.hops[:i], h.at) {
			rewinds++
		}
		if i+1 < len(t.hops) {
			look(h.Position, t.hops[i+1].at, true)
		} else {
			look(h.Position, 0, false)
		}
	}
	return ends, rewinds
}

// late reports whether a copy that was appended at a time may be of a member that did not
// know that it had lost a place that the record lay at before.
func (r *rewinds) late(source ledger.Position, before []hop, at time.Duration) bool {
	if r.fences.late(source, at) {
		return true
	}
	for _, h := range before {
		if r.fences.late(h.Position, at) {
			return true
		}
	}
	return false
}
