package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// plantTwiceDelivered works twice under one delivery.
func plantTwiceDelivered(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	for _, a := range w.effects() { // not work after the lock had expired
		if slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
			return e.Kind == ledger.EventAcknowledged && e.Ack == ledger.AckAccept && e.Owner == a.Owner && e.Position() == a.Position() && e.At > a.end
		}) && a.end < a.At+w.facts.Lock {
			fit = append(fit, a)
		}
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	return []ledger.Position{w.again(a).Position()}, []string{CheckUnexplainedDuplicate}, len(w.expect().expected.must[CheckUnexplainedDuplicate]) == 1
}

// plantOutsiderOfShareGroup lets a pod repeat the work on a record that the share group never
// delivered to it.
func plantOutsiderOfShareGroup(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	for _, a := range w.effects() {
		if w.acquisitionsSeen && len(w.on(a.Position())) == 1 {
			fit = append(fit, a)
		}
	}
	a, ok := anyOf(w, fit)
	others := slices.DeleteFunc(w.alive(), func(m *member) bool { return ok && m.owner%16 == a.Owner%16 })
	m, alive := anyOf(w, others)
	if !ok || !alive {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.Deliveries, b.delivery = m.owner, 0, nil
	must := w.expect().expected.must
	return []ledger.Position{b.Position()}, []string{CheckUnexplainedDuplicate}, len(must[CheckUnexplainedDuplicate]) == 1 && len(must[CheckAckAfterLockExpiry]) == 0
}

// last reports whether an attempt is the last one on its record.
func (w *simulation) last(a *attempt) bool {
	on := w.on(a.Position())
	return on[len(on)-1] == a
}

// plantReleaseDone turns the accept of a record into a release. The broker delivers the record
// again.
func plantReleaseDone(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok || !w.last(a) || int(a.Deliveries) >= w.facts.Deliveries {
		return nil, nil, false
	}
	i := slices.IndexFunc(w.seen, func(e ledger.Event) bool {
		return e.Kind == ledger.EventAcknowledged && e.Ack == ledger.AckAccept && e.Owner == a.Owner && e.Position() == a.Position()
	})
	if i < 0 || w.seen[i].At < a.end || w.seen[i].At >= a.At+w.facts.Lock {
		return nil, nil, false
	}
	accept := w.seen[i]
	w.seen[i].Ack = ledger.AckRelease
	b := *a
	b.Deliveries++
	a.delivery.released = accept.At
	b.delivery = w.trace.deliver(a.Position(), a.delivery.to, accept.At+nanosecond, a.delivery)
	b.At = accept.At + nanosecond
	b.Start, b.end = b.At, b.At+nanosecond
	w.attempts = append(w.attempts, &b)
	accept.At += 3 * nanosecond
	accept.Seen = accept.At
	w.event(accept)
	return []ledger.Position{a.Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantTooMany delivers a record more often than the limit of the group.
func plantTooMany(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.attempts)
	if !ok || !w.last(a) || a.outcome != ledger.OutcomeEffect || len(w.on(a.Position())) > 1 { // without an effect it is a loss too
		return nil, nil, false
	}
	a.Deliveries = uint8(w.facts.Deliveries + 1)
	return []ledger.Position{a.Position()}, []string{CheckDeliveryCount}, true
}

// plantUncounted delivers a released record under the same count again.
func plantUncounted(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.attempts)
	if !ok || !w.last(a) || a.Deliveries < 2 {
		return nil, nil, false
	}
	on := w.on(a.Position())
	before := on[max(0, len(on)-2)]
	released := slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		return e.Kind == ledger.EventAcknowledged && e.Ack == ledger.AckRelease && e.Owner == before.Owner && e.Position() == a.Position() && e.At > before.end && e.At < a.At
	})
	a.Deliveries = before.Deliveries
	return []ledger.Position{a.Position()}, []string{CheckDeliveryCount}, released
}

// plantLateAccept accepts a record after its lock expired and another member began to work on it.
func plantLateAccept(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	for _, a := range w.attempts {
		on := w.on(a.Position())
		other := slices.ContainsFunc(on, func(o *attempt) bool {
			return o.Owner != a.Owner && o.At > a.At && o.At < a.end && o.At-a.At >= w.facts.Lock
		})
		own := 0
		for _, o := range on {
			if o.Owner == a.Owner {
				own++
			}
		}
		renewed := slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
			return e.Kind == ledger.EventAcknowledged && e.Ack == ledger.AckRenew && e.Position() == a.Position()
		})
		if other && own == 1 && !renewed && a.outcome == ledger.OutcomeEffect {
			fit = append(fit, a)
		}
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	w.event(ledger.Event{
		Kind: ledger.EventAcknowledged, Outcome: pick(w.r, ledger.OutcomeConfirmed, ledger.OutcomeFailed), At: a.end + nanosecond, Owner: a.Owner,
		Ack: ledger.AckAccept, Partition: a.Partition, Offset: a.Offset, Key: a.Key, Seq: a.Seq,
	})
	return []ledger.Position{a.Position()}, []string{CheckAckAfterLockExpiry}, true
}
