package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// delivery is the latest of a position to an owner.
type delivery struct {
	owner         ledger.Owner
	count         uint8
	effect        bool
	acknowledged  bool // for good
	released      bool
	releasedAt    time.Duration // when it was released
	undone        bool          // undone: it would not be but for a release of finished work
	contested     bool          // another owner acquired it or began an attempt since
	openAttempts  int           // attempts open
	olderAttempts int           // attempts open of earlier deliveries to the owner
	first         time.Duration
	latestStart   time.Duration // the latest attempt, and its Count
	latestCount   uint8
	locked        time.Duration // the first attempt, or the last renewal
	faults        uint32        // what [shareGroup.faultChanges] was when it began
}

// startAttempt takes an attempt that begins.
func (s *shareGroup) startAttempt(e *ledger.Event) {
	p := e.Position()
	state, list := s.recordAt(p), s.open[p]
	s.judgeDeliveryCount(e, list)
	state.highest = max(state.highest, e.Count)
	for _, d := range list {
		d.contested = d.contested || d.owner != e.Owner
	}
	d := s.deliveryOf(p, e.Owner)
	if d != nil && !isHigher(e.Count, d.count) && !d.released && e.At < d.locked+s.facts.Lock && !s.mayHaveForgotten(e.Owner, d.faults) {
		d.openAttempts++
		d.latestStart, d.latestCount = e.At, e.Count
		return
	}
	next := &delivery{owner: e.Owner, count: e.Count, openAttempts: 1, first: e.At, latestStart: e.At, latestCount: e.Count, locked: e.At, undone: state.undone, faults: s.faultChanges(e.Owner)}
	if d != nil {
		next.olderAttempts = d.openAttempts + d.olderAttempts
	} else {
		// It may be the one that had an effect and was answered.
		next.effect = state.owner == e.Owner && !isHigher(e.Count, state.count) && (s.acksObserved || e.At < state.locked+s.facts.Lock) && !s.mayHaveForgotten(e.Owner, state.faults)
	}
	state.deliveries = uint8(min(int(state.deliveries)+1, 255))
	s.open[p] = append(slices.DeleteFunc(list, func(d *delivery) bool { return d.owner == e.Owner || d.released && isHigher(e.Count, d.count) }), next)
}

// isHigher reports whether a Count is known to be that of a later delivery.
func isHigher(count, than uint8) bool { return count > 0 && than > 0 && count > than }

// judgeDeliveryCount judges the Count of an attempt that begins.
func (s *shareGroup) judgeDeliveryCount(e *ledger.Event, list []*delivery) {
	if limit := s.facts.Deliveries; limit > 0 && int(e.Count) > limit {
		s.miscounted.addAnomaly(func() harness.Anomaly {
			return anomalyOf(s.facts, e, "begun at %s as delivery %d of at most %d", formatTime(e.At), e.Count, limit)
		})
		return
	}
	for _, d := range list {
		if d.released && e.Count > 0 && e.Count <= d.count {
			s.miscounted.addAnomaly(func() harness.Anomaly {
				return anomalyOf(s.facts, e, "begun at %s as delivery %d, after %s had released delivery %d", formatTime(e.At), e.Count, s.facts.podName(d.owner), d.count)
			})
			return
		}
	}
}

// addShareEffect notes an effect at the event's position. had says that the position had one
// before, again that it was under the same delivery.
func (s *shareGroup) addShareEffect(e *ledger.Event) (had, again bool) {
	p := e.Position()
	state, d := s.recordAt(p), s.deliveryOf(p, e.Owner)
	had = state.owner != 0
	switch {
	case d == nil: // answered for good already
		again = state.undone || state.owner == e.Owner && !isHigher(e.Count, state.count) && !isHigher(state.count, e.Count)
	case e.Start >= d.first:
		again, d.effect = d.effect || d.undone, true
		state.undone = state.undone || d.released && e.At <= d.releasedAt+releaseAhead
	}
	faults, locked := s.faultChanges(e.Owner), e.Start
	if d != nil && e.Start >= d.first {
		faults, locked = d.faults, d.locked
	}
	stranger := s.acquisitionsSeen && !s.hasAcquired(state, p, e.Owner)
	again = again || had && (stranger || state.byOutsider)
	state.byOutsider = stranger
	state.owner, state.count, state.faults, state.locked = e.Owner, e.Count, faults, locked
	if d != nil && !s.acksObserved {
		d.acknowledged = d.acknowledged || e.Start >= d.first
		s.keepDeliveries(p, s.open[p])
	}
	return had, again
}

func (s *shareGroup) acknowledgeRecord(e *ledger.Event) {
	p := e.Position()
	d := s.deliveryOf(p, e.Owner)
	if d != nil && e.Count == ledger.AckAccept {
		s.judgeAccept(e, d)
	}
	if e.Outcome == ledger.OutcomeFailed {
		return
	}
	if e.Count != ledger.AckRenew {
		s.recordAt(p).last = e.Count + 1
	}
	switch {
	case d == nil:
	case e.Count == ledger.AckRenew:
		d.locked = e.At
	case e.Count == ledger.AckRelease:
		s.releaseDelivery(e, d)
	default:
		d.acknowledged = true
		s.keepDeliveries(p, s.open[p])
	}
}

// releaseDelivery takes the release of a delivery. What its owner is working on since this
// very instant is the delivery after it.
func (s *shareGroup) releaseDelivery(e *ledger.Event, d *delivery) {
	state := s.recordAt(e.Position())
	switch {
	case d.openAttempts == 0 || d.latestStart != e.At:
		d.released, d.releasedAt = true, e.At
		state.undone = state.undone || d.effect
	case d.latestStart > d.first:
		if d.latestCount > 0 && d.latestCount <= d.count {
			s.miscounted.addAnomaly(func() harness.Anomaly {
				return anomalyOf(s.facts, e, "begun by %s at %s as delivery %d, after it had released delivery %d", s.facts.podName(d.owner), formatTime(e.At), d.latestCount, d.count)
			})
		}
		state.undone = state.undone || d.effect
		*d = delivery{faults: s.faultChanges(d.owner), olderAttempts: d.olderAttempts, undone: state.undone, owner: d.owner, count: d.latestCount, openAttempts: d.openAttempts, first: d.latestStart, latestStart: d.latestStart, latestCount: d.latestCount, locked: d.latestStart}
		state.deliveries = uint8(min(int(state.deliveries)+1, 255))
	}
}

// judgeAccept judges whether an accept came too late.
func (s *shareGroup) judgeAccept(e *ledger.Event, d *delivery) {
	if e.At <= d.locked+s.facts.Lock {
		return
	}
	if !d.contested || s.hasFault(d) {
		s.harmless++
		return
	}
	s.overdue.addAnomaly(func() harness.Anomaly {
		return anomalyOf(s.facts, e, "accepted at %s by %s, whose lock expired no later than %s, while another member worked on it",
			formatTime(e.At), s.facts.podName(e.Owner), formatTime(d.locked+s.facts.Lock))
	})
}

// deliveryOf is the latest delivery of a position to an owner.
func (s *shareGroup) deliveryOf(p ledger.Position, owner ledger.Owner) *delivery {
	for _, d := range s.open[p] {
		if d.owner == owner {
			return d
		}
	}
	return nil
}

// keepDeliveries remembers the deliveries of a position until one is answered for good and
// no other is open.
func (s *shareGroup) keepDeliveries(p ledger.Position, list []*delivery) {
	answered, waiting := false, false
	for _, d := range list {
		answered = answered || d.acknowledged
		waiting = waiting || !d.acknowledged && !d.released || d.olderAttempts > 0 // an effect under an earlier one is not under it
	}
	if len(list) == 0 || answered && !waiting {
		delete(s.open, p)
		return
	}
	s.open[p] = list
}
