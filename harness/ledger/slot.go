package ledger

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Kind says what a slot records, and which of its fields count.
type Kind uint8

const (
	// KindSend is one record handed to the producer: Key, Seq, Due, Sent; if it
	// came to an end: End, Outcome, and the position if acked.
	KindSend Kind = iota + 1
	// KindAttempt is one record in one call of the work: position, Key, Seq, Due,
	// Sent, Start; once [Journal.Finish] was called: End and Outcome. Those of one call for several records
	// have a [Slot.Call] of their owner, and lie in the order of the call.
	KindAttempt
	// KindAppended is one record of the final read of the log: position, Key,
	// Seq, Due, Sent. Start is its broker timestamp in ns of Unix time.
	KindAppended
	// KindCommit is a group commit: Topic, Partition, Offset committed, Start
	// (when), Owner (who; 0 = not one of ours), Seq (the generation), Due (a hash of
	// the member id), Outcome (confirmed where it is known to hold, else unknown).
	// Metadata follows in slots of [KindText]. Key is 0 for the run's group and a hash
	// of its name for one of the consumer's own, here and in the next two and
	// KindRewound.
	KindCommit
	// KindOwned says that Owner was seen at Start to have the partition, and had
	// it no earlier than End, under the generation Seq and the member hash Offset.
	KindOwned
	// KindReleased says that Owner was seen at Start to have it no longer, and
	// lost it no earlier than End.
	KindReleased
	// KindUp and KindDown are an incarnation's start, and its end as reaped.
	KindUp
	KindDown
	// KindInject and KindHeal open and close the window of the fault Key, which
	// struck Owner if it struck a pod, and nobody if its Partition is -1.
	KindInject
	KindHeal
	// KindExpelled says that the group Key dropped Owner without its consent: it lived
	// and had not left. It was seen at Start and happened no earlier than End.
	KindExpelled
	// KindRewound says that at Start Owner asked for the group's commit of a
	// partition, to read on from there; or, with an Offset of 0 and more, that it
	// went to that offset, because the log was cut or its design says so.
	KindRewound
	// KindCopied is one record of the final read of a side topic: its position
	// there, Key, Seq, Due, Sent, and Start: when the broker appended it.
	KindCopied
	// KindDeferred is one range of offsets of the source, [Offset, Sent), that a
	// consumer set aside at Start, by a record in the side topic number Key, which
	// lies in its partition Seq one below offset Due (0: it is not known where).
	KindDeferred
	// KindAcknowledged is the answer of a member of a share group for one record:
	// position, Start (when), Owner, and Count, the [Ack]. Its Outcome is confirmed
	// where the broker took it, failed where it refused it, else unknown.
	KindAcknowledged
	// KindTransaction is the end of a transaction of Owner at Start, by Outcome:
	// confirmed (committed), cancelled (aborted) or unknown. Due hashes the
	// transactional id.
	KindTransaction
	// KindText holds up to 40 bytes that belong to the slot before it in its
	// journal, as the metadata of a commit (but not where that is the member id,
	// as a client may have it): Key is how many, the fields from Offset to End are
	// the bytes.
	KindText
	// KindAcquired is a range of records, [Offset, Sent), that a share group gave to
	// Owner at Start, each for the Count-th time.
	KindAcquired
)

// Flags are properties of a slot's record or fact.
type Flags uint8

const (
	FlagTransactional Flags = 1 << iota // of a record or a commit: made in a transaction
	FlagCorrupt                         // of a record: the checksum of its value does not hold, or its key in Kafka is another; Key and Seq may be wrong
)

// Ack is how a member of a share group answers for a record (KIP-932).
type Ack = uint8

// The answers, as Kafka numbers them.
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
	OutcomeConfirmed                // a commit that was seen to hold
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
// Owner is nobody of ours.
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

// Call is the number of the call that an attempt was made in, among those of its
// owner that were for several records, from 1; 0 for a call for this record alone.
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
