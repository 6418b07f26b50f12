package oracle

import (
	"slices"
	"time"
	"unsafe"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// shareGroup follows the deliveries of a share group (KIP-932), in which the broker delivers each record to one
// member at a time. It decides which second effects a new delivery explains, and feeds [CheckDeliveryCount] and
// [CheckAckAfterLockExpiry]. CHECKS.md has the rules: "Deliveries in a share group".
type shareGroup struct {
	facts *Facts
	parts [][]offsetSlice[shareRecord] // parts are by topic, partition and offset.
	// acquirers are the owners that acquired a position after its first, each once. Few records are delivered
	// to more than one member.
	acquirers        map[ledger.Position][]ledger.Owner
	deliveries       map[ledger.Position][]*delivery // deliveries are the latest of each owner, see [shareGroup.keepDeliveries].
	faults           map[ledger.Owner]*ownerFaults   // faults of no pod in particular are those of owner 0.
	logStarts        map[int32]int64                 // logStarts are the first offsets of the source that were not deleted, by partition.
	deletedFinal     map[ledger.Position]bool        // deletedFinal are positions without an effect that were final when retention deleted them.
	acksObserved     bool                            // acksObserved: the back end sees acknowledgements, so deliveries are kept until they come.
	acquisitionsSeen bool                            // acquisitionsSeen: the back end has shown what the broker delivers.
	miscounted       findings
	overdue          findings // overdue are accepts.
	harmless         int64    // harmless are overdue accepts of records that no other member had.
}

// shareRecord is the state of a position.
type shareRecord struct {
	locked     time.Duration // locked is when the lock of the delivery of the last effect began.
	faults     uint32        // faults is what faultChanges was when the delivery of the last effect began.
	owner      ledger.Owner  // owner is that of the latest delivery with an effect, 0 before any.
	acquirer   ledger.Owner  // acquirer is the first owner that acquired it, 0 before any. shareGroup.acquirers has the others.
	count      uint8         // count is the delivery count of the latest delivery with an effect.
	highest    uint8         // highest is the highest delivery count of an attempt or an acquisition.
	deliveries uint8         // deliveries counts those seen, up to 255.
	lastAck    uint8         // lastAck is the last acknowledgement but renewals + 1, 0 without one.
	undone     bool          // undone: a member released it after it had completed it.
	byOutsider bool          // byOutsider: the last effect was by a pod that never acquired it.
}

var _ [24]byte = [unsafe.Sizeof(shareRecord{})]byte{} // one for each position of a share group's topics

// releaseAhead is how far ahead of its request a release is stamped. An effect in the instant of the request
// was before it.
const releaseAhead = time.Nanosecond

// ownerFaults are the faults that affect an owner.
type ownerFaults struct {
	open    int
	healed  time.Duration // healed is when the last one ended.
	changes uint32        // changes are the begins and ends of faults.
}

func newShareGroup(f *Facts) *shareGroup {
	return &shareGroup{
		facts: f, acquirers: map[ledger.Position][]ledger.Owner{}, deliveries: map[ledger.Position][]*delivery{}, faults: map[ledger.Owner]*ownerFaults{},
		logStarts: map[int32]int64{}, deletedFinal: map[ledger.Position]bool{},
		acksObserved: !slices.Contains(f.Unobserved, CheckAckAfterLockExpiry),
	}
}

// trackShare notes an event, but for effects, see [shareGroup.addShareEffect].
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
	case ledger.EventTrimmed:
		s.noteDeleted(e)
	case ledger.EventDown:
		for p, list := range s.deliveries {
			s.keepDeliveries(p, slices.DeleteFunc(list, func(d *delivery) bool { return d.owner == e.Owner && !d.released }))
		}
	}
}

// recordAt is the state of an appended position.
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

// peekRecord is the state of any position.
func (s *shareGroup) peekRecord(p ledger.Position) shareRecord {
	if int(p.Topic) < len(s.parts) && int(p.Partition) < len(s.parts[p.Topic]) {
		return s.parts[p.Topic][p.Partition].valueAt(p.Offset)
	}
	return shareRecord{}
}

// addAcquired notes that a member acquired a range of records, begun or not.
func (s *shareGroup) addAcquired(e *ledger.Event) {
	s.acquisitionsSeen = true
	p := e.Position()
	for ; p.Offset < min(e.To, s.facts.Log.endOffset(e.Topic, e.Partition)); p.Offset++ {
		if s.facts.Log.isAppended(p) {
			record := s.recordAt(p)
			record.highest = max(record.highest, e.Deliveries)
			s.addAcquirer(record, p, e.Owner)
			for _, d := range s.deliveries[p] {
				d.contested = d.contested || d.owner != e.Owner
			}
		}
	}
}

// addAcquirer notes that an owner acquired a position.
func (s *shareGroup) addAcquirer(record *shareRecord, p ledger.Position, o ledger.Owner) {
	switch {
	case record.acquirer == 0 && o != 0:
		record.acquirer = o
	case !s.hasAcquired(record, p, o):
		s.acquirers[p] = append(s.acquirers[p], o)
	}
}

// hasAcquired reports whether an owner has acquired a position.
func (s *shareGroup) hasAcquired(record *shareRecord, p ledger.Position, o ledger.Owner) bool {
	return o != 0 && record.acquirer == o || len(s.acquirers) > 0 && slices.Contains(s.acquirers[p], o)
}

// isFinal reports whether the broker will not deliver a position again: its last acknowledgement was final, or its
// deliveries are used up.
func (s *shareGroup) isFinal(p ledger.Position) bool {
	record := s.peekRecord(p)
	final := record.lastAck > 0 && record.lastAck-1 != ledger.AckRelease
	return final || s.facts.Deliveries > 0 && int(record.highest) >= s.facts.Deliveries
}

// noteDeleted notes which records the broker would not have delivered again when retention deleted them. After
// that it may deliver a deleted record up to the limit, and no member gets more than its offset.
func (s *shareGroup) noteDeleted(e *ledger.Event) {
	for p := (ledger.Position{Partition: e.Partition, Offset: s.logStarts[e.Partition]}); p.Offset < e.Offset; p.Offset++ {
		if s.facts.Log.isAppended(p) && s.peekRecord(p).owner == 0 && s.isFinal(p) {
			s.deletedFinal[p] = true
		}
	}
	s.logStarts[e.Partition] = max(s.logStarts[e.Partition], e.Offset)
}

// countRedeliveries is how often the broker delivered a position again.
func (s *shareGroup) countRedeliveries(p ledger.Position) int {
	record := s.peekRecord(p)
	return max(0, int(max(record.highest, record.deliveries))-1)
}

// trackFault notes the begin or the end of a fault. A fault at partition -1 affects no pod, as where a pod joins.
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

// faultsOf are the faults that affect an owner: its own, and those of no pod in particular.
func (s *shareGroup) faultsOf(owner ledger.Owner) (list [2]ownerFaults) {
	list = [2]ownerFaults{{healed: -1}, {healed: -1}}
	for i, o := range [...]ledger.Owner{owner, 0} {
		if f := s.faults[o]; f != nil && (i == 0 || owner != 0) {
			list[i] = *f
		}
	}
	return list
}

// faultChanges counts the begins and ends of faults that affect an owner.
func (s *shareGroup) faultChanges(owner ledger.Owner) uint32 {
	f := s.faultsOf(owner)
	return f[0].changes + f[1].changes
}

// mayHaveForgotten reports whether the broker may have forgotten what it delivered to an owner when
// faultChanges was changes. The next leader of a partition forgets what its predecessor has not written
// down, and a leader takes back what it delivered to a client whose connection broke.
func (s *shareGroup) mayHaveForgotten(owner ledger.Owner, changes uint32) bool {
	if !s.facts.Volatile {
		return false
	}
	f := s.faultsOf(owner)
	return f[0].open > 0 || f[1].open > 0 || f[0].changes+f[1].changes != changes
}

// hasFault reports whether a fault affected the owner of a delivery since the delivery began.
func (s *shareGroup) hasFault(d *delivery) bool {
	for _, f := range s.faultsOf(d.owner) {
		if f.open > 0 || f.healed >= d.first {
			return true
		}
	}
	return false
}
