package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// calmly: who claims at-most-once may lose a record whose work failed, or where its
// partition had trouble since it landed, or was cut off by the end of the run.
func (r *slow) calmly() {
	if r.facts.Delivery != harness.AtMostOnce {
		return
	}
	owed := slices.Concat(r.found[CheckStall], r.found[CheckOverload])
	for _, p := range r.found[CheckLoss] {
		excused := slices.ContainsFunc(owed, func(o ledger.Position) bool { return o.Partition == p.Partition })
		for _, e := range r.events {
			excused = excused || e.Kind == ledger.EventEnd && failed(e.Outcome) && r.holds(&e) && r.record(e.Position()) == r.record(p)
		}
		places := []ledger.Position{p}
		for _, c := range r.copiesOf(p, never) {
			places = append(places, c.Position())
		}
		for _, at := range places {
			excused = excused || !r.landedAfter(at, r.troubled(at))
		}
		if !excused {
			r.add(CheckUnexplainedLoss, p)
		}
	}
}

// landedAfter reports whether the record at a position surely landed after a time: it, or
// one before it in its partition, was sent or stamped after that.
func (r *slow) landedAfter(p ledger.Position, when time.Duration) bool {
	return slices.ContainsFunc(r.events, func(e ledger.Event) bool {
		here := e.Topic == p.Topic && e.Partition == p.Partition && e.Offset <= p.Offset && r.holds(&e)
		return here && (e.Kind == ledger.EventAcked && e.Outcome == ledger.OutcomeAcked && e.Sent > when ||
			e.Kind == ledger.EventCopied && r.facts.role(e.Topic).TakesOver() && e.At > when)
	})
}

// troubled is when a partition last had trouble before the drain ended, or a time before
// the run.
func (r *slow) troubled(p ledger.Position) (last time.Duration) {
	last = -1
	var owner *ledger.Event
	gone := false
	for i := range r.events {
		e := &r.events[i]
		here := e.Topic == p.Topic && e.Partition == p.Partition && (e.Topic > 0 || !e.OwnGroup())
		mine := owner != nil && owner.Owner == e.Owner && e.Owner != 0
		trouble := false
		switch e.Kind {
		case ledger.EventReleased:
			trouble = here && mine
			gone = gone || trouble
		case ledger.EventOwned:
			if here {
				same := mine && owner.Member == e.Member && !gone
				trouble = owner != nil && !(same && (r.facts.Protocol != harness.Eager || owner.Generation == e.Generation))
				owner, gone = e, false
			}
		case ledger.EventDown, ledger.EventExpelled:
			trouble = mine || r.facts.Share
		case ledger.EventInject, ledger.EventHeal:
			trouble = mine || r.facts.Share || e.Owner == 0
		}
		if trouble && e.At <= r.facts.DrainEnd {
			last = max(last, e.At, e.Seen)
		}
	}
	return last
}
