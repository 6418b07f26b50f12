package oracle

import (
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	deliveryCountEntry = entry{
		name: CheckDeliveryCount, verdict: func(j *judgeState) harness.Verdict { return j.redeliveries.shares.miscounted.toVerdict("") },
		heldTo: heldToShare("the group's limit of deliveries"), leans: []string{LedgerComplete},
	}
	expiredEntry = entry{
		name: CheckAckAfterLockExpiry, verdict: func(j *judgeState) harness.Verdict { return j.redeliveries.shares.expiryVerdict() },
		heldTo: heldToShare("the lock of a record"), leans: []string{LedgerComplete, NoPodStarved, ObserversKeptUp},
	}
)

func heldToShare(what string) func(*Facts) string {
	return func(f *Facts) string {
		if !f.Share {
			return ""
		}
		return what
	}
}

// shareGroup follows the records of a share group (KIP-932), in which the broker gives
// each record to one member at a time.
//
// A delivery is what one member has of a position: the attempts of one owner at it,
// up to one that is of the next delivery because its Count is higher, because the
// owner released the record since, or because it begins no less than [Facts.Lock] after
// the first attempt of the delivery and after each renewal by its owner. Counts of 0
// are unknown. Where answers are not observed, an attempt behind a fault upon the owner, or
// upon no pod in particular, is of the next delivery too: a broker writes down how often it
// has handed a record out only with the answers, and who leads the partition next, or has
// lost the connection, hands out again what he finds no answer for. Two effects under one delivery are an unexplained duplicate, and so is
// each effect under a delivery that began after the owner of another had released the record
// although it had had its effect under it: no delivery would have followed but for
// that. Any other
// second effect of a position is explained: only the broker gives a record to another
// member, or counts up. (Kafka counts a delivery back if its member leaves or its
// session breaks, so that an equal Count of another member means nothing.)
//
// Delivery count: an attempt with a Count above [Facts.Deliveries]; and one with a
// Count, no higher than that of the same position's latest delivery to a member that
// released it since. Where an attempt begins in the instant of its owner's release, and
// is open when that comes, the release was before it.
//
// Ack after lock expiry: an accept more than Lock after the first attempt of its
// owner's latest delivery of the position and after the last renewal, if another owner
// acquired it or began an attempt at it after that delivery began, and no fault was upon the
// owner, or upon no pod in particular, at any time since then. KIP-932 has the broker
// refuse an answer for a record that is not its member's any more, so an overdue accept by
// itself loses nothing and is a figure; with another member at work the lock has not
// done what it is for. An accept counts here if it was refused, too; nowhere else does
// an answer with OutcomeFailed.
type shareGroup struct {
	facts *Facts
	parts [][]offsetSlice[shareRecord] // by topic, partition and offset
	// acquirers are the owners that acquired a position after its first, each once. Few
	// records are delivered to more than one member.
	acquirers        map[ledger.Position][]ledger.Owner
	open             map[ledger.Position][]*delivery
	faults           map[ledger.Owner]*ownerFaults
	acksObserved     bool // acksObserved are seen, so deliveries are kept until they are answered
	acquisitionsSeen bool // acquisitionsSeen: it is seen what is handed out, and something was
	miscounted       findings
	overdue          findings // accepts
	harmless         int64    // overdue accepts of records that nobody else was given
}

// shareRecord is a position.
type shareRecord struct {
	owner      ledger.Owner  // of the latest delivery that had an effect
	count      uint8         // of that delivery
	highest    uint8         // the highest Count of an attempt or an acquisition
	deliveries uint8         // seen, at most 255
	last       uint8         // the last answer but renewals + 1, 0 without one
	undone     bool          // a member released it under a delivery that had had an effect
	byOutsider bool          // an effect of it was beside the group, see [shareGroup]
	locked     time.Duration // locked is when the lock of the delivery of the last effect began
	acquirer   ledger.Owner  // acquirer is the first owner that acquired it, 0 before any; [shareGroup.acquirers] has the others
	faults     uint32        // faults is what [shareGroup.faultChanges] was when the delivery of the last effect began
}

var _ [24]byte = [unsafe.Sizeof(shareRecord{})]byte{} // one for each position of a share group's topics

// releaseAhead is how far ahead of its exchange a release is stamped: an effect in the
// instant of the exchange was before it.
const releaseAhead = time.Nanosecond

// ownerFaults is since when a fault is upon an owner, and when the last one ended.
type ownerFaults struct {
	open    int
	healed  time.Duration
	changes uint32 // changes are the begins and ends of faults
}

func newShareGroup(f *Facts) *shareGroup {
	return &shareGroup{
		facts: f, acquirers: map[ledger.Position][]ledger.Owner{}, open: map[ledger.Position][]*delivery{}, faults: map[ledger.Owner]*ownerFaults{},
		acksObserved: !slices.Contains(f.Unobserved, CheckAckAfterLockExpiry),
	}
}

func (s *shareGroup) trackShare(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventStart:
		if e.Held {
			s.startAttempt(e)
		}
	case ledger.EventEnd:
		if d := s.deliveryOf(e.Position(), e.Owner); e.Held && d != nil {
			if e.Start >= d.first {
				d.openAttempts--
			} else {
				d.olderAttempts = max(0, d.olderAttempts-1)
			}
		}
	case ledger.EventAcquired:
		s.addAcquired(e)
	case ledger.EventAcknowledged:
		if e.Held {
			s.acknowledgeRecord(e)
		}
	case ledger.EventInject, ledger.EventHeal:
		s.trackFault(e)
	case ledger.EventDown:
		for p, list := range s.open {
			s.keepDeliveries(p, slices.DeleteFunc(list, func(d *delivery) bool { return d.owner == e.Owner && !d.released }))
		}
	}
}

// recordAt is the state of a landed position.
func (s *shareGroup) recordAt(p ledger.Position) *shareRecord {
	for int(p.Topic) >= len(s.parts) {
		s.parts = append(s.parts, nil)
	}
	topic := &s.parts[p.Topic]
	for int(p.Partition) >= len(*topic) {
		*topic = append(*topic, offsetSlice[shareRecord]{})
	}
	return (*topic)[p.Partition].placeAt(p.Offset)
}

// addAcquired notes how often records came to a member, begun or not.
func (s *shareGroup) addAcquired(e *ledger.Event) {
	s.acquisitionsSeen = true
	p := e.Position()
	for ; p.Offset < min(e.To, s.facts.Log.endOffset(e.Topic, e.Partition)); p.Offset++ {
		if s.facts.Log.isAppended(p) {
			state := s.recordAt(p)
			state.highest = max(state.highest, e.Count)
			s.addAcquirer(state, p, e.Owner)
			for _, d := range s.open[p] {
				d.contested = d.contested || d.owner != e.Owner
			}
		}
	}
}

// addAcquirer notes that an owner acquired a position.
func (s *shareGroup) addAcquirer(state *shareRecord, p ledger.Position, o ledger.Owner) {
	switch {
	case state.acquirer == 0 && o != 0:
		state.acquirer = o
	case !s.hasAcquired(state, p, o):
		s.acquirers[p] = append(s.acquirers[p], o)
	}
}

// hasAcquired reports whether an owner has acquired a position.
func (s *shareGroup) hasAcquired(state *shareRecord, p ledger.Position, o ledger.Owner) bool {
	return o != 0 && state.acquirer == o || len(s.acquirers) > 0 && slices.Contains(s.acquirers[p], o)
}

// expiryVerdict is the verdict on overdue accepts.
func (s *shareGroup) expiryVerdict() harness.Verdict {
	detail := ""
	if s.harmless > 0 {
		detail = fmt.Sprintf("%d accepts came after the lock had expired while nobody else had begun the record, or in a fault", s.harmless)
	}
	return s.overdue.toVerdict(detail)
}

// isFinal reports whether a position will never be delivered again: its last answer
// was final, or its deliveries are used up.
func (s *shareGroup) isFinal(p ledger.Position) bool {
	state := s.peekRecord(p)
	final := state.last > 0 && state.last-1 != ledger.AckRelease
	return final || s.facts.Deliveries > 0 && int(state.highest) >= s.facts.Deliveries
}

// countRedeliveries is how often a position was delivered again.
func (s *shareGroup) countRedeliveries(p ledger.Position) int {
	state := s.peekRecord(p)
	return max(0, int(max(state.highest, state.deliveries))-1)
}

// peekRecord is the state of any position.
func (s *shareGroup) peekRecord(p ledger.Position) shareRecord {
	if int(p.Topic) < len(s.parts) && int(p.Partition) < len(s.parts[p.Topic]) {
		return s.parts[p.Topic][p.Partition].valueAt(p.Offset)
	}
	return shareRecord{}
}

// trackFault notes when faults are upon whom; those of no pod in particular are of Owner 0. One
// at partition -1 strikes nobody, as where a pod joins.
func (s *shareGroup) trackFault(e *ledger.Event) {
	if e.Owner == 0 && e.Partition < 0 {
		return
	}
	f := s.faults[e.Owner]
	if f == nil {
		f = &ownerFaults{healed: -1}
		s.faults[e.Owner] = f
	}
	f.changes++
	if e.Kind == ledger.EventInject {
		f.open++
		return
	}
	f.open, f.healed = max(0, f.open-1), e.At
}

// faultChanges counts the begins and ends of faults upon an owner, or upon no pod in particular.
func (s *shareGroup) faultChanges(owner ledger.Owner) (edges uint32) {
	for _, o := range []ledger.Owner{owner, 0} {
		if f := s.faults[o]; f != nil {
			edges += f.changes
		}
	}
	return edges
}

// mayHaveForgotten reports whether the broker may have forgotten what it handed out to an owner
// when [shareGroup.faultChanges] was what it is given here.
func (s *shareGroup) mayHaveForgotten(owner ledger.Owner, edges uint32) bool {
	if s.acksObserved {
		return false
	}
	for _, o := range []ledger.Owner{owner, 0} {
		if f := s.faults[o]; f != nil && f.open > 0 {
			return true
		}
	}
	return s.faultChanges(owner) != edges
}

// hasFault reports whether a fault was upon the owner of a delivery since it began.
func (s *shareGroup) hasFault(d *delivery) bool {
	for _, o := range []ledger.Owner{d.owner, 0} {
		if f := s.faults[o]; f != nil && (f.open > 0 || f.healed >= d.first) {
			return true
		}
	}
	return false
}
