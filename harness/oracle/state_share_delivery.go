package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// delivery is the latest of a position to an owner.
type delivery struct {
	owner    ledger.Owner
	count    uint8
	effect   bool
	answered bool // for good
	released bool
	returned time.Duration // when it was released
	undone   bool          // undone: it would not be but for a release of finished work
	contest  bool          // another owner acquired it or began an attempt since
	working  int           // attempts open
	older    int           // attempts open of earlier deliveries to the owner
	first    time.Duration
	began    time.Duration // the latest attempt, and its Count
	counted  uint8
	locked   time.Duration // the first attempt, or the last renewal
	faults   uint32        // what [shares.edges] was when it began
}

// start takes an attempt that begins.
func (s *shares) start(e *ledger.Event) {
	p := e.Position()
	state, list := s.at(p), s.open[p]
	s.count(e, list)
	state.highest = max(state.highest, e.Count)
	for _, d := range list {
		d.contest = d.contest || d.owner != e.Owner
	}
	d := s.of(p, e.Owner)
	if d != nil && !higher(e.Count, d.count) && !d.released && e.At < d.locked+s.facts.Lock && !s.forgot(e.Owner, d.faults) {
		d.working++
		d.began, d.counted = e.At, e.Count
		return
	}
	next := &delivery{owner: e.Owner, count: e.Count, working: 1, first: e.At, began: e.At, counted: e.Count, locked: e.At, undone: state.undone, faults: s.edges(e.Owner)}
	if d != nil {
		next.older = d.working + d.older
	} else {
		// It may be the one that had an effect and was answered.
		next.effect = state.owner == e.Owner && !higher(e.Count, state.count) && (s.answers || e.At < state.locked+s.facts.Lock) && !s.forgot(e.Owner, state.faults)
	}
	state.deliveries = uint8(min(int(state.deliveries)+1, 255))
	s.open[p] = append(slices.DeleteFunc(list, func(d *delivery) bool { return d.owner == e.Owner || d.released && higher(e.Count, d.count) }), next)
}

// higher reports whether a Count is known to be that of a later delivery.
func higher(count, than uint8) bool { return count > 0 && than > 0 && count > than }

// count judges the Count of an attempt that begins.
func (s *shares) count(e *ledger.Event, list []*delivery) {
	if limit := s.facts.Deliveries; limit > 0 && int(e.Count) > limit {
		s.counted.add(func() harness.Anomaly {
			return anomaly(s.facts, e, "begun at %s as delivery %d of at most %d", moment(e.At), e.Count, limit)
		})
		return
	}
	for _, d := range list {
		if d.released && e.Count > 0 && e.Count <= d.count {
			s.counted.add(func() harness.Anomaly {
				return anomaly(s.facts, e, "begun at %s as delivery %d, after %s had released delivery %d", moment(e.At), e.Count, s.facts.name(d.owner), d.count)
			})
			return
		}
	}
}

// effect notes an effect at the event's position. had says that the position had one
// before, again that it was under the same delivery.
func (s *shares) effect(e *ledger.Event) (had, again bool) {
	p := e.Position()
	state, d := s.at(p), s.of(p, e.Owner)
	had = state.owner != 0
	switch {
	case d == nil: // answered for good already
		again = state.undone || state.owner == e.Owner && !higher(e.Count, state.count) && !higher(state.count, e.Count)
	case e.Start >= d.first:
		again, d.effect = d.effect || d.undone, true
		state.undone = state.undone || d.released && e.At <= d.returned+releaseAhead
	}
	faults, locked := s.edges(e.Owner), e.Start
	if d != nil && e.Start >= d.first {
		faults, locked = d.faults, d.locked
	}
	stranger := s.handed && !s.hasAcquired(state, p, e.Owner)
	again = again || had && (stranger || state.beside)
	state.beside = stranger
	state.owner, state.count, state.faults, state.locked = e.Owner, e.Count, faults, locked
	if d != nil && !s.answers {
		d.answered = d.answered || e.Start >= d.first
		s.keep(p, s.open[p])
	}
	return had, again
}

func (s *shares) answer(e *ledger.Event) {
	p := e.Position()
	d := s.of(p, e.Owner)
	if d != nil && e.Count == ledger.AckAccept {
		s.accept(e, d)
	}
	if e.Outcome == ledger.OutcomeFailed {
		return
	}
	if e.Count != ledger.AckRenew {
		s.at(p).last = e.Count + 1
	}
	switch {
	case d == nil:
	case e.Count == ledger.AckRenew:
		d.locked = e.At
	case e.Count == ledger.AckRelease:
		s.release(e, d)
	default:
		d.answered = true
		s.keep(p, s.open[p])
	}
}

// release takes the release of a delivery. What its owner is working on since this
// very instant is the delivery after it.
func (s *shares) release(e *ledger.Event, d *delivery) {
	state := s.at(e.Position())
	switch {
	case d.working == 0 || d.began != e.At:
		d.released, d.returned = true, e.At
		state.undone = state.undone || d.effect
	case d.began > d.first:
		if d.counted > 0 && d.counted <= d.count {
			s.counted.add(func() harness.Anomaly {
				return anomaly(s.facts, e, "begun by %s at %s as delivery %d, after it had released delivery %d", s.facts.name(d.owner), moment(e.At), d.counted, d.count)
			})
		}
		state.undone = state.undone || d.effect
		*d = delivery{faults: s.edges(d.owner), older: d.older, undone: state.undone, owner: d.owner, count: d.counted, working: d.working, first: d.began, began: d.began, counted: d.counted, locked: d.began}
		state.deliveries = uint8(min(int(state.deliveries)+1, 255))
	}
}

// accept judges whether an accept came too late.
func (s *shares) accept(e *ledger.Event, d *delivery) {
	if e.At <= d.locked+s.facts.Lock {
		return
	}
	if !d.contest || s.excused(d) {
		s.harmless++
		return
	}
	s.overdue.add(func() harness.Anomaly {
		return anomaly(s.facts, e, "accepted at %s by %s, whose lock expired no later than %s, while another member worked on it",
			moment(e.At), s.facts.name(e.Owner), moment(d.locked+s.facts.Lock))
	})
}

// of is the latest delivery of a position to an owner.
func (s *shares) of(p ledger.Position, owner ledger.Owner) *delivery {
	for _, d := range s.open[p] {
		if d.owner == owner {
			return d
		}
	}
	return nil
}

// keep remembers the deliveries of a position until one is answered for good and
// no other is open.
func (s *shares) keep(p ledger.Position, list []*delivery) {
	answered, waiting := false, false
	for _, d := range list {
		answered = answered || d.answered
		waiting = waiting || !d.answered && !d.released || d.older > 0 // an effect under an earlier one is not under it
	}
	if len(list) == 0 || answered && !waiting {
		delete(s.open, p)
		return
	}
	s.open[p] = list
}
