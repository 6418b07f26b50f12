package oracle

import (
	"fmt"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	logDuplicateEntry = entry{
		name: CheckLogDuplicate, verdict: func(j *judgeState) harness.Verdict { return j.Log.sequence.duplicates.toVerdict("") },
		heldTo: heldAlways("acks=all, idempotent producer"), leans: []string{LedgerComplete},
	}
	logOrderEntry = entry{
		name: CheckLogOrder, verdict: func(j *judgeState) harness.Verdict { return j.Log.sequence.outOfOrder.toVerdict("") },
		heldTo: heldAlways("acks=all, idempotent producer"), leans: []string{LedgerComplete},
	}
)

// logSequence finds the log's own faults, for which no consumer is to blame: a
// record that lies at two positions of the source (log duplicate), and one that
// lies behind a record of the same key with a higher seq (log order). It is fed
// while the log is built: the records of a key lie in one partition and come in
// its order.
//
// A record whose seq is not above all before it is behind if it was missing, else a
// duplicate. What is missing is remembered for [maxMissing] records; beyond that, a
// record that is either counts as behind.
type logSequence struct {
	next       keyTable[uint32] // one past the highest seq
	missing    map[uint64]struct{}
	forgot     bool
	duplicates findings
	outOfOrder findings
}

// maxMissing is how many missing records are remembered at most.
const maxMissing = 1 << 16

// prefetchKeys has the states of the keys of some slots fetched, see [keyOrder.prefetchKey].
func (s *logSequence) prefetchKeys(slots []ledger.Slot) {
	for i := range slots {
		if next := s.next.peekValue(slots[i].Key()); next != nil {
			prefetch(unsafe.Pointer(next))
		}
	}
}

func (s *logSequence) addNext(p ledger.Position, key, seq uint32) {
	next := s.next.valueOf(key)
	if seq == *next {
		*next++
		return
	}
	s.addOutOfTurn(p, key, seq, next)
}

// addOutOfTurn takes a record that is not the next of its key.
func (s *logSequence) addOutOfTurn(p ledger.Position, key, seq uint32, next *uint32) {
	if seq > *next {
		s.rememberMissing(key, *next, seq)
		*next = seq + 1
		return
	}
	highest := *next - 1
	_, wasMissing := s.missing[recordID(key, seq)]
	if wasMissing || s.forgot {
		delete(s.missing, recordID(key, seq))
		s.outOfOrder.addAnomaly(func() harness.Anomaly {
			return appendedAnomaly(p, key, seq, fmt.Sprintf("lies behind seq %d of its key", highest))
		})
		return
	}
	s.duplicates.addAnomaly(func() harness.Anomaly {
		return appendedAnomaly(p, key, seq, "lies in the log once more")
	})
}

// rememberMissing remembers that the records [from, to) of a key are missing so far.
func (s *logSequence) rememberMissing(key, from, to uint32) {
	if s.missing == nil {
		s.missing = map[uint64]struct{}{}
	}
	for seq := from; seq < to; seq++ {
		if len(s.missing) >= maxMissing {
			s.forgot = true
			return
		}
		s.missing[recordID(key, seq)] = struct{}{}
	}
}
