package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// delivery is the latest delivery of a position to an owner.
type delivery struct {
	owner         ledger.Owner
	count         uint8
	effect        bool
	acknowledged  bool // acknowledged: by an accept, a reject or a gap.
	released      bool
	unsure        bool // unsure: the broker may not have got the release.
	releasedAt    time.Duration
	undone        bool          // undone: the broker delivered the record only because a member released completed work.
	contested     bool          // contested: another owner acquired the record or began an attempt since.
	openAttempts  int           // openAttempts are those of this delivery.
	olderAttempts int           // olderAttempts are open ones of earlier deliveries to the owner.
	first         time.Duration // first is when the first attempt began.
	latestStart   time.Duration // latestStart is when the latest attempt began.
	latestCount   uint8         // latestCount is the delivery count of the latest attempt.
	locked        time.Duration // locked is when the lock began: at the first attempt, or at the last renewal.
	faults        uint32        // faults is what faultChanges was when the delivery began.
}

// startAttempt notes an attempt that begins. It is of the owner's latest delivery, or begins the next one.
func (s *shareGroup) startAttempt(e *ledger.Event) {
	p := e.Position()
	record, list := s.recordAt(p), s.deliveries[p]
	s.judgeDeliveryCount(e, list)
	record.highest = max(record.highest, e.Deliveries)
	for _, d := range list {
		d.contested = d.contested || d.owner != e.Owner
	}
	d := s.deliveryOf(p, e.Owner)
	if d != nil && !isHigher(e.Deliveries, d.count) && !d.released && e.At < d.locked+s.facts.Lock && !s.mayHaveForgotten(e.Owner, d.faults) {
		d.openAttempts++
		d.latestStart, d.latestCount = e.At, e.Deliveries
		return
	}
	next := &delivery{
		owner: e.Owner, count: e.Deliveries, openAttempts: 1, first: e.At, latestStart: e.At, latestCount: e.Deliveries, locked: e.At,
		undone: record.undone, faults: s.faultChanges(e.Owner),
	}
	if d != nil {
		next.olderAttempts = d.openAttempts + d.olderAttempts
	} else {
		// It may be the delivery that had an effect and was acknowledged.
		next.effect = record.owner == e.Owner && !isHigher(e.Deliveries, record.count) &&
			(s.acksObserved || e.At < record.locked+s.facts.Lock) && !s.mayHaveForgotten(e.Owner, record.faults)
	}
	record.countDelivery()
	s.deliveries[p] = append(slices.DeleteFunc(list, func(d *delivery) bool { return d.owner == e.Owner || d.released && isHigher(e.Deliveries, d.count) }), next)
}

func (r *shareRecord) countDelivery() { r.deliveries = uint8(min(int(r.deliveries)+1, 255)) }

// isHigher reports whether a delivery count is known to be that of a later delivery. A count of 0 is unknown.
func isHigher(count, than uint8) bool { return count > 0 && than > 0 && count > than }

// addShareEffect adds an effect at the event's position. second: the position had an effect before.
// sameDelivery: no new delivery explains this one.
func (s *shareGroup) addShareEffect(e *ledger.Event) (second, sameDelivery bool) {
	p := e.Position()
	record, d := s.recordAt(p), s.deliveryOf(p, e.Owner)
	second = record.owner != 0
	faults, locked := s.faultChanges(e.Owner), e.Start
	switch {
	case d == nil: // it was acknowledged already
		sameDelivery = record.undone || record.owner == e.Owner && !isHigher(e.Deliveries, record.count) && !isHigher(record.count, e.Deliveries)
	case e.Start >= d.first:
		sameDelivery, d.effect = d.effect || d.undone, true
		record.undone = record.undone || d.released && e.At <= d.releasedAt+releaseAhead
		faults, locked = d.faults, d.locked
	}
	outsider := !s.hasAcquired(record, p, e.Owner)
	sameDelivery = sameDelivery || second && s.acquisitionsSeen && (outsider || record.byOutsider)
	record.byOutsider = outsider
	if !isHigher(record.count, e.Deliveries) { // else a later delivery had an effect before
		record.owner, record.count, record.faults, record.locked = e.Owner, e.Deliveries, faults, locked
	}
	if d != nil && !s.acksObserved {
		d.acknowledged = d.acknowledged || e.Start >= d.first
		s.keepDeliveries(p, s.deliveries[p])
	}
	return second, sameDelivery
}

// acknowledgeRecord notes an acknowledgement.
func (s *shareGroup) acknowledgeRecord(e *ledger.Event) {
	p := e.Position()
	d := s.deliveryOf(p, e.Owner)
	if d != nil && e.Ack == ledger.AckAccept {
		s.judgeAccept(e, d)
	}
	if e.Outcome == ledger.OutcomeFailed {
		return
	}
	if e.Ack != ledger.AckRenew {
		s.recordAt(p).lastAck = e.Ack + 1
	}
	switch {
	case d == nil:
	case e.Ack == ledger.AckRenew:
		d.locked = e.At
	case e.Ack == ledger.AckRelease:
		s.releaseDelivery(e, d)
	default:
		d.acknowledged = true
		s.keepDeliveries(p, s.deliveries[p])
	}
}

// releaseDelivery notes the release of a delivery. An attempt of its owner that began in this very instant is
// of the next delivery.
func (s *shareGroup) releaseDelivery(e *ledger.Event, d *delivery) {
	record := s.recordAt(e.Position())
	switch {
	case d.openAttempts == 0 || d.latestStart != e.At:
		d.released, d.releasedAt, d.unsure = true, e.At, e.Outcome != ledger.OutcomeConfirmed
		record.undone = record.undone || d.effect
	case d.latestStart > d.first:
		if d.latestCount > 0 && d.latestCount <= d.count {
			s.reportUncounted(e, d)
		}
		record.undone = record.undone || d.effect
		*d = delivery{
			faults: s.faultChanges(d.owner), olderAttempts: d.olderAttempts, undone: record.undone, owner: d.owner, count: d.latestCount,
			openAttempts: d.openAttempts, first: d.latestStart, latestStart: d.latestStart, latestCount: d.latestCount, locked: d.latestStart,
		}
		record.countDelivery()
	}
}

// deliveryOf is the latest delivery of a position to an owner.
func (s *shareGroup) deliveryOf(p ledger.Position, owner ledger.Owner) *delivery {
	for _, d := range s.deliveries[p] {
		if d.owner == owner {
			return d
		}
	}
	return nil
}

// keepDeliveries keeps the deliveries of a position until one has a final acknowledgement and no other is open.
func (s *shareGroup) keepDeliveries(p ledger.Position, list []*delivery) {
	acknowledged, waiting := false, false
	for _, d := range list {
		acknowledged = acknowledged || d.acknowledged
		waiting = waiting || !d.acknowledged && !d.released || d.olderAttempts > 0 // an effect of an earlier delivery is not this one's
	}
	if len(list) == 0 || acknowledged && !waiting {
		delete(s.deliveries, p)
		return
	}
	s.deliveries[p] = list
}
