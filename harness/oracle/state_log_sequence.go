package oracle

import (
	"fmt"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// logSequence finds faults of the log itself, for [CheckLogDuplicate] and [CheckLogOrder]. It is fed while the
// log is built: the records of a key lie in one partition and come in its order. If partitions were added, each
// partition of a key has its sequence.
//
// If the seq of a record is not above all before it, the record is out of order if it was missing, else a
// duplicate. It remembers [maxMissing] missing records. Beyond that, such a record counts as out of order.
type logSequence struct {
	next       placedKeys[uint32] // next is one past the highest seq.
	missing    map[missingRecord]struct{}
	forgot     bool // forgot: more records were missing than it remembers.
	duplicates findings
	outOfOrder findings
}

// missingRecord is a record that was not in its partition so far.
type missingRecord struct {
	key, seq  uint32
	partition int32
}

// maxMissing is how many missing records are remembered at most.
const maxMissing = 1 << 16

// prefetchKeys fetches the states of the keys of some slots, see [keyOrder.prefetchKey].
func (s *logSequence) prefetchKeys(slots []ledger.Slot) {
	for i := range slots {
		if next := s.next.peekValue(slots[i].Key()); next != nil {
			prefetch(unsafe.Pointer(next))
		}
	}
}

func (s *logSequence) addNext(p ledger.Position, key, seq uint32) {
	next := s.next.valueIn(key, p.Partition)
	if seq == *next {
		*next++
		return
	}
	s.addOutOfTurn(p, key, seq, next)
}

// addOutOfTurn adds a record that is not the next of its key.
func (s *logSequence) addOutOfTurn(p ledger.Position, key, seq uint32, next *uint32) {
	if seq > *next {
		s.rememberMissing(p.Partition, key, *next, seq)
		*next = seq + 1
		return
	}
	highest := *next - 1
	this := missingRecord{key, seq, p.Partition}
	_, wasMissing := s.missing[this]
	if wasMissing || s.forgot {
		delete(s.missing, this)
		s.outOfOrder.addAnomaly(func() harness.Anomaly {
			return appendedAnomaly(p, key, seq, fmt.Sprintf("lies after seq %d of its key", highest))
		})
		return
	}
	s.duplicates.addAnomaly(func() harness.Anomaly {
		return appendedAnomaly(p, key, seq, "lies in the log a second time")
	})
}

// rememberMissing remembers that the records [from, to) of a key are missing in a partition so far.
func (s *logSequence) rememberMissing(partition int32, key, from, to uint32) {
	if s.missing == nil {
		s.missing = map[missingRecord]struct{}{}
	}
	for seq := from; seq < to; seq++ {
		if len(s.missing) >= maxMissing {
			s.forgot = true
			return
		}
		s.missing[missingRecord{key, seq, partition}] = struct{}{}
	}
}
