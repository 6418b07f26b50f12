package ledger

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Owner is an incarnation of a pod by its number in the run, from 1. The zero Owner is
// a client that is none of the run's pods.
type Owner uint16

// SlotSize is the length of a slot in bytes: one cache line.
const SlotSize = 64

// Slot is one fact, as it lies in the file (little endian). Times are ns on
// CLOCK_MONOTONIC. A slot is written in two steps, each published by a store of
// its state word after its fields: [Journal.Publish] makes it open,
// [Journal.Finish] completes it in place. [Journal.Append] does both at once.
type Slot struct {
	state     uint64 // kind | outcome<<8 | owner<<16 | call<<32 | published<<63
	offset    int64
	due       int64
	sent      int64
	start     int64
	end       int64
	key       uint32
	seq       uint32
	Partition int32
	Topic     uint16 // Topic is the number of a declared topic of the run; 0 is the source.
	Flags     Flags
	count     uint8
}

var _ [SlotSize]byte = [unsafe.Sizeof(Slot{})]byte{}

const published = 1 << 63

func stateOf(k Kind, o Outcome, owner Owner) uint64 {
	return published | uint64(owner)<<16 | uint64(o)<<8 | uint64(k)
}

// NewSlot is an empty slot of a kind and an owner, for [Journal.Append].
func NewSlot(k Kind, owner Owner) Slot { return Slot{state: stateOf(k, OutcomeOpen, owner)} }

// Kind says what the slot records; 0 is a slot that was reserved and never published.
func (s *Slot) Kind() Kind { return Kind(atomic.LoadUint64(&s.state)) }

// Outcome is how the fact ended, OutcomeOpen while it has not.
func (s *Slot) Outcome() Outcome { return Outcome(atomic.LoadUint64(&s.state) >> 8) }

// Owner is the incarnation the fact belongs to.
func (s *Slot) Owner() Owner { return Owner(atomic.LoadUint64(&s.state) >> 16) }

// Call is the number of the call that an attempt was made in, from 1. It counts the
// owner's calls for several records. 0 is a call for this record alone.
func (s *Slot) Call() uint32 { return uint32(atomic.LoadUint64(&s.state)>>32) & MaxCall }

// MaxCall is the highest number of a call.
const MaxCall = 1<<31 - 1

// With sets the outcome of a slot that is not in a journal yet.
func (s Slot) With(o Outcome) Slot {
	s.state = withOutcome(s.state, o)
	return s
}

// withOutcome is a state with its outcome replaced.
func withOutcome(state uint64, o Outcome) uint64 { return state&^(0xff<<8) | uint64(o)<<8 }

// textSize is how many bytes of text a slot holds: the fields from Offset to End.
const textSize = 40

// Text is a text as slots of [KindText], to be appended right behind the slot that
// it belongs to. An empty text has none.
func Text(text string) (slots []Slot) {
	for len(text) > 0 {
		s := NewSlot(KindText, 0).With(OutcomeConfirmed)
		n := copy(s.textBytes(), text)
		s.key, text = uint32(n), text[n:]
		slots = append(slots, s)
	}
	return slots
}

// AppendText appends the text that a slot of [KindText] holds.
func (s *Slot) AppendText(to []byte) []byte {
	return append(to, s.textBytes()[:min(s.key, textSize)]...)
}

func (s *Slot) textBytes() []byte { return (*[textSize]byte)(unsafe.Pointer(&s.offset))[:] }

// Position is a place in a log.
type Position struct {
	Topic     uint16
	Partition int32
	Offset    int64
}

func (p Position) String() string {
	if p.Topic == 0 {
		return fmt.Sprintf("partition %d offset %d", p.Partition, p.Offset)
	}
	return fmt.Sprintf("topic %d partition %d offset %d", p.Topic, p.Partition, p.Offset)
}
