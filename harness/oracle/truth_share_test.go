package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeDeliveries decides what went wrong in a share group. The group delivered a record more often
// than its limit, or did not count up after a release. Or a member accepted a record after its lock
// had expired, and after another member had begun to work on it.
func (r *reference) judgeDeliveries() {
	if !r.facts.Share {
		return
	}
	for _, a := range r.w.attempts {
		if !r.holds(&a.Event) {
			continue
		}
		uncounted := false
		if a.delivery != nil && a.delivery.after != nil {
			uncounted = a.Deliveries > 0 && a.Deliveries <= r.countOf(a.delivery.after)
		}
		if over := int(a.Deliveries) > r.facts.Deliveries; over || uncounted {
			r.perhaps(CheckDeliveryCount, a.Position(), over || !r.blind)
		}
	}
	for _, e := range r.events {
		if e.Kind != ledger.EventAcknowledged || e.Ack != ledger.AckAccept {
			continue
		}
		under := r.w.trace.deliveredTo(e.Position(), e.Owner, e.At)
		if under == nil || e.At <= under.expires(e.At, r.facts.Lock) {
			continue
		}
		if !r.hasFault(e.Owner, under.at, e.At) && slices.ContainsFunc(r.w.attempts, func(a *attempt) bool {
			return a.Position() == e.Position() && a.Owner != e.Owner && a.At > under.at && a.At < e.At
		}) {
			r.add(CheckAckAfterLockExpiry, e.Position())
		}
	}
}

// isCurrent reports whether an attempt began while its delivery was the record's latest, and
// not released.
func (r *reference) isCurrent(a *attempt) bool {
	d := a.delivery
	return (d.released == 0 || a.At <= d.released) && !slices.ContainsFunc(r.w.trace.deliveries, func(o *trueDelivery) bool {
		return o.place == d.place && o.at > d.at && o.at < a.At
	})
}

// isDeliveredToOthers reports whether more than one member worked on a record.
func (r *reference) isDeliveredToOthers(p ledger.Position) bool {
	members := map[ledger.Owner]bool{}
	for _, a := range r.w.attempts {
		if a.Position() == p {
			members[a.Owner] = true
		}
	}
	return len(members) > 1
}

// countOf is the count that the attempts of a delivery saw.
func (r *reference) countOf(d *trueDelivery) (count uint8) {
	for _, a := range r.w.attempts {
		if a.delivery == d {
			count = a.Deliveries
		}
	}
	return count
}

// needless reports whether a delivery is due to the release of a record that was completed.
func (r *reference) needless(d *trueDelivery) bool {
	return slices.ContainsFunc(r.w.attempts, func(a *attempt) bool {
		before := a.delivery
		return before != nil && before.place == d.place && before.released > 0 && before.released < d.at &&
			a.outcome == ledger.OutcomeEffect && a.end <= before.released
	})
}

// hasFault reports whether a fault that affects an owner was open between two times.
func (r *reference) hasFault(owner ledger.Owner, from, to time.Duration) bool {
	open := false
	for _, e := range r.events {
		if e.Owner != owner && (e.Owner != 0 || e.Partition < 0) {
			continue
		}
		switch {
		case e.Kind == ledger.EventInject:
			open = open || e.At <= to
		case e.Kind == ledger.EventHeal && e.At < from:
			open = false
		}
	}
	return open
}

// isDeliveryUncertain reports whether observers cannot tell the delivery of an attempt from others.
// Either they do not see to whom the broker delivers. Or the lock has expired, and the broker may
// have delivered the record to the same member again. Without acknowledgements they see neither
// renewals nor releases. After a fault a broker that writes down no deliveries may have forgotten it.
func (r *reference) isDeliveryUncertain(a *attempt) bool {
	switch {
	case a.delivery == nil:
		return r.blind || !r.w.acquisitionsSeen
	case !r.isCurrent(a), a.At >= a.delivery.expires(a.At, r.facts.Lock):
		return true
	case r.blind && (r.needless(a.delivery) || a.At >= a.delivery.at+r.facts.Lock):
		return true
	case !r.facts.Volatile:
		return false
	}
	return slices.ContainsFunc(r.events, func(e ledger.Event) bool {
		upon := e.Owner == a.Owner || e.Owner == 0 && e.Partition >= 0
		return (e.Kind == ledger.EventInject || e.Kind == ledger.EventHeal) && upon
	})
}

// isFinal reports whether a share group will never deliver a record again: its last acknowledgement
// was final, or its deliveries are used up.
func (r *reference) isFinal(p ledger.Position, by time.Duration) bool {
	last, highest := ledger.Ack(ledger.AckRelease), 0
	for _, e := range r.events {
		switch {
		case e.Position() != p || e.At > by:
		case e.Kind == ledger.EventStart:
			highest = max(highest, int(e.Deliveries))
		case e.Kind == ledger.EventAcknowledged && e.Outcome != ledger.OutcomeFailed && e.Ack != ledger.AckRenew:
			last = e.Ack
		}
	}
	return r.facts.Share && (last != ledger.AckRelease || highest >= r.facts.Deliveries)
}
