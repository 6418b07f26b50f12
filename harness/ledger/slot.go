package ledger

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Kind says what a slot records, and which of its fields count.
type Kind uint8

const (
	// KindSend is one record handed to the producer: Key, Seq, Due, Sent. If the
	// send ended, it also has End, Outcome, and the position if acknowledged.
	KindSend Kind = iota + 1
	// KindAttempt is one record in one call of the work: position, Key, Seq, Due,
	// Sent, Start. [Journal.Finish] adds End and Outcome. The attempts of one call
	// for several records have the same [Slot.Call], and lie in the order of the
	// call.
	KindAttempt
	// KindAppended is one record of the final read of the log: position, Key, Seq,
	// Due, Sent. Start is the broker's timestamp in ns of Unix time.
	KindAppended
	// KindCommit is a commit of a group. It has Topic, Partition, the committed
	// Offset, Start (its time) and Owner (0 for a client that is not ours). Seq is
	// the generation, Due a hash of the member id. Outcome is confirmed if the
	// commit is known to have taken effect, else unknown. Metadata follows in slots
	// of [KindText]. Key is 0 for the run's group and a hash of its name for another
	// group of the consumer. KindOwned, KindReleased and KindRewound have the same
	// Key.
	KindCommit
	// KindOwned says that Owner was seen at Start to own the partition, and acquired
	// it no earlier than End. Seq is the generation, Offset the member hash.
	KindOwned
	// KindReleased says that Owner was seen at Start without the partition, and lost
	// it no earlier than End.
	KindReleased
	// KindUp and KindDown are the start of an incarnation and its end, when it was
	// reaped.
	KindUp
	KindDown
	// KindInject and KindHeal begin and end the interval of the fault Key. Owner is
	// the affected pod, 0 for all. Partition -1 means that the fault affected no
	// pod.
	KindInject
	KindHeal
	// KindExpelled says that the group Key removed Owner, which lived and had not
	// left. It was seen at Start and happened no earlier than End.
	KindExpelled
	// KindRewound says that at Start Owner fetched the group's commit of a
	// partition, to read on from there. With an Offset of 0 or more Owner went to
	// that offset instead, because the log was truncated or its design does so.
	KindRewound
	// KindCopied is one record of the final read of a side topic: its position
	// there, Key, Seq, Due, Sent. Start is when the broker appended it.
	KindCopied
	// KindDeferred is one range of source offsets, [Offset, Sent), that a consumer
	// deferred at Start. The record for it lies in side topic number Key, partition
	// Seq, at offset Due - 1. Due 0 means an unknown place.
	KindDeferred
	// KindAcknowledged is the acknowledgement of a record by a member of a share
	// group: position, Start (its time), Owner, and the [Ack] in Count. Outcome is
	// confirmed if the broker accepted it, failed if the broker refused it, else
	// unknown.
	KindAcknowledged
	// KindTransaction is the end of a transaction of Owner at Start. Outcome is
	// confirmed (committed), cancelled (aborted) or unknown. Due is a hash of the
	// transactional id.
	KindTransaction
	// KindText has up to 40 bytes that belong to the slot before it in its journal,
	// such as the metadata of a commit. Metadata that is the member id is left out.
	// Key is the number of bytes; they fill the fields from Offset to End.
	KindText
	// KindAcquired is a range of records, [Offset, Sent), that a share group
	// delivered to Owner at Start, each for the Count-th time.
	KindAcquired
)

// Flags are properties of a slot's record or fact.
type Flags uint8

const (
	FlagTransactional Flags = 1 << iota // of a record or a commit: made in a transaction
	FlagCorrupt                         // of a record: the checksum of its value or its key in Kafka is wrong; Key and Seq may be wrong
)

// Ack is how a member of a share group acknowledges a record (KIP-932).
type Ack = uint8

// The acknowledgements, as Kafka numbers them.
const (
	AckGap Ack = iota
	AckAccept
	AckRelease
	AckReject
	AckRenew
)

// Outcome is how a send, an attempt or a commit ended.
type Outcome uint8

const (
	OutcomeOpen      Outcome = iota // not ended, or its process died first
	OutcomeAcked                    // a send that the broker acknowledged
	OutcomeFailed                   // a send of which the client proves that nothing was written
	OutcomeUnknown                  // a send or commit that may have been written
	OutcomeEffect                   // an attempt that ended well
	OutcomeError                    // an attempt that failed
	OutcomeCancelled                // an attempt whose context ended
	OutcomeConfirmed                // a commit that was seen to take effect
	OutcomeComputed                 // an attempt that ended well where the output is the effect; in events alone
	OutcomePoison                   // an attempt that failed and said that any other will
)

var outcomeNames = [...]string{"open", "acked", "failed", "unknown", "effect", "error", "cancelled", "confirmed", "computed", "poison"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Owner is an incarnation of a pod by its number in the run, from 1. The zero
// Owner is no pod of ours.
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

// Call is the number of the call that the attempt belongs to, from 1. It counts
// only calls of its owner for several records; 0 is a call for one record.
func (s *Slot) Call() uint32 { return uint32(atomic.LoadUint64(&s.state)>>32) & MaxCall }

// MaxCall is the highest number of a call.
const MaxCall = 1<<31 - 1

// With sets the outcome of a slot that is not in a journal yet.
func (s Slot) With(o Outcome) Slot {
	s.state = ended(s.state, o)
	return s
}

// ended is a state with its outcome replaced.
func ended(state uint64, o Outcome) uint64 { return state&^(0xff<<8) | uint64(o)<<8 }

// textSize is how many bytes of text a slot holds: the fields from Offset to End.
const textSize = 40

// Text is a text as slots of [KindText], to be appended right behind the slot that
// it belongs to. An empty text has none.
func Text(text string) (slots []Slot) {
	for len(text) > 0 {
		s := NewSlot(KindText, 0).With(OutcomeConfirmed)
		n := copy(s.text(), text)
		s.key, text = uint32(n), text[n:]
		slots = append(slots, s)
	}
	return slots
}

// AppendText appends the text that a slot of [KindText] holds.
func (s *Slot) AppendText(to []byte) []byte {
	return append(to, s.text()[:min(s.key, textSize)]...)
}

func (s *Slot) text() []byte { return (*[textSize]byte)(unsafe.Pointer(&s.offset))[:] }

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
