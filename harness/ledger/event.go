package ledger

import (
	"fmt"
	"math"
	"time"
	"unsafe"
)

// EventKind says which moment of a fact an [Event] is.
type EventKind uint8

// The order of the kinds is the order of cause among events of one instant. The end
// of an attempt frees the key before the next start, and a commit follows the work.
const (
	EventUp           EventKind = iota + 1 // an incarnation started
	EventInject                            // a fault took effect
	EventTrimmed                           // the records of a partition below Offset were deleted
	EventExpired                           // a group lost its commits
	EventAdded                             // a partition was added
	EventSent                              // Produce was called
	EventAcked                             // a send ended: acked, failed or unknown, by Outcome
	EventEnd                               // an attempt ended, by Outcome; OutcomeOpen: its process died
	EventExpelled                          // the group expelled a member that was alive
	EventReleased                          // a partition left its owner
	EventOwned                             // a partition came to its owner
	EventRewound                           // an owner went back to the commit, or to Offset
	EventReset                             // an owner got the first or the last offset of a partition, to read on from there
	EventAcquired                          // a member of a share group acquired a range of records
	EventFetched                           // an owner asked for the records from Offset on
	EventPolled                            // a poll returned a range of records
	EventDeferred                          // a range of the source was deferred; work on it may begin at once
	eventStartAtOnce                       // an attempt began that ended in the same instant; its event is an EventStart
	eventEndAtOnce                         // and its end, before the next attempt of its journal began; its event is an EventEnd
	EventStart                             // an attempt began
	EventCopied                            // a copy was appended to a side topic
	EventAcknowledged                      // a member of a share group acknowledged a record
	EventCommit                            // a commit took hold, by Outcome confirmed or unknown
	EventTransaction                       // a transaction ended, by Outcome confirmed or cancelled
	EventHeal                              // a fault was healed
	EventDown                              // an incarnation was reaped
)

var eventNames = [...]string{
	"?", "up", "inject", "trimmed", "expired", "added", "sent", "acked", "end", "expelled", "released", "owned", "rewound", "reset", "acquired", "fetched", "polled", "deferred", "start", "end", "start",
	"copied", "acknowledged", "commit", "transaction", "heal", "down",
}

func (e EventKind) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return fmt.Sprintf("event(%d)", uint8(e))
}

// Event is one moment of one fact, as the replay hands it to checks and measures.
// Times count from the run's start.
//
// What checks look at for each record is in the first 64 bytes, and an event is 128
// bytes long: so a pass over events loads one line of the processor's cache for each.
type Event struct {
	At         time.Duration // At is when it happened.
	Kind       EventKind
	Outcome    Outcome
	Flags      Flags
	Deliveries uint8 // Deliveries is how often the record of an attempt, or the range of an EventAcquired, was delivered; 0 if that is not known.
	Topic      uint16
	Owner      Owner
	Marks
	Offset    int64         // Offset of the record, or the one committed, rewound to, or the first of a range.
	Key, Seq  uint32        // Key and Seq say which record it is, as in [Identity]; 0 for events of no record.
	Start     time.Duration // Start of the attempt, at an EventStart and an EventEnd.
	Partition int32
	Call      uint32 // Call is that of the attempt, see [Slot.Call].

	Due, Sent time.Duration // Due and Sent are those of the record.
	// Seen is when an observer saw an EventOwned, EventReleased or EventExpelled,
	// which happened no earlier than At.
	Seen time.Duration
	// To is one past the last offset of an EventDeferred, EventAcquired or EventPolled, which begins
	// at Offset. An EventReset and an EventRewound keep here what [Event.IsLatest] and
	// [Event.Answer] return.
	To         int64
	Membership     // Membership is that of an event of a group.
	Ack        Ack // Ack is how an EventAcknowledged acknowledges its record.

	byTopic  uint16 // byTopic, byNumber and byOffset say what an event is due to, see DeferredBy and Fault.
	byNumber int32
	byOffset int64
}

var _ [128]byte = [unsafe.Sizeof(Event{})]byte{}

// Marks are what the judge finds out about an event, for the checks. They are not in
// the journals, and zero in a replay without a judge.
type Marks struct {
	// Origin and Source are the partition and offset of the source where the record
	// was appended first: its own, except for a copy. Source is -1 if the record
	// never was in the source.
	Source   int64
	Origin   int32
	First    bool // First: this EventEnd with OutcomeEffect is the first effect of its record.
	Held     bool // Held: the final read found this very record at this position.
	Unfenced bool // Unfenced: the group had expelled the pod that did the work of this EventStart or EventEnd, and the pod could not know it.
	Zombie   bool // Zombie: the pod of this EventStart or EventEnd had surely lost the partition when the work began, and could know it.
}

// Position is where the event's record lies.
func (e *Event) Position() Position { return Position{e.Topic, e.Partition, e.Offset} }

// Fault is the number of the fault of an EventInject or EventHeal.
func (e *Event) Fault() uint32 { return uint32(e.byNumber) }

// SetFault sets what [Event.Fault] returns.
func (e *Event) SetFault(number uint32) { e.byNumber = int32(number) }

// DeferredBy is where the record lies that defers the range of an EventDeferred. Its
// Offset is below 0 if that is not known.
func (e *Event) DeferredBy() Position {
	return Position{Topic: e.byTopic, Partition: e.byNumber, Offset: e.byOffset - 1}
}

// SetDeferredBy sets what [Event.DeferredBy] returns.
func (e *Event) SetDeferredBy(p Position) {
	e.byTopic, e.byNumber, e.byOffset = p.Topic, p.Partition, p.Offset+1
}

// Answer is the commit that the owner of an EventRewound got, -1 if there was none. It
// is not known of each.
func (e *Event) Answer() (offset int64, known bool) { return e.To - answerBase, e.To != 0 }

// SetAnswer sets what [Event.Answer] returns.
func (e *Event) SetAnswer(offset int64) { e.To = offset + answerBase }

// IsLatest reports whether the owner of an EventReset goes to the end of the log, and
// not to its start.
func (e *Event) IsLatest() bool { return e.To != 0 }

// OwnGroup reports whether the event is of a group of the consumer's own, and not of
// the run's.
func (e *Event) OwnGroup() bool { return e.Group != 0 }

// SetComputed turns the end of an attempt into the end of a computation, for a consumer
// whose effects are its output.
func (e *Event) SetComputed() { e.Outcome = OutcomeComputed }

// SetEffect turns an EventCopied into the end of an attempt that took no time, with the
// copy as its effect.
func (e *Event) SetEffect() { e.Kind, e.Outcome, e.Start = EventEnd, OutcomeEffect, e.At }

// eventOf is the first moment of each kind of slot; the others have none.
var eventOf = [1 << 8]EventKind{
	KindSend:         EventSent,
	KindAttempt:      EventStart,
	KindCommit:       EventCommit,
	KindOwned:        EventOwned,
	KindReleased:     EventReleased,
	KindUp:           EventUp,
	KindDown:         EventDown,
	KindInject:       EventInject,
	KindHeal:         EventHeal,
	KindExpelled:     EventExpelled,
	KindRewound:      EventRewound,
	KindCopied:       EventCopied,
	KindDeferred:     EventDeferred,
	KindAcknowledged: EventAcknowledged,
	KindTransaction:  EventTransaction,
	KindAcquired:     EventAcquired,
	KindTrimmed:      EventTrimmed,
	KindExpired:      EventExpired,
	KindAdded:        EventAdded,
	KindReset:        EventReset,
	KindFetched:      EventFetched,
	KindPolled:       EventPolled,
}

// eventAt is a kind of event and its time.
type eventAt struct {
	kind EventKind // 0 for none
	at   time.Duration
}

// earliestTime is when the slot's earliest moment is, ns on CLOCK_MONOTONIC.
func (s *Slot) earliestTime() int64 {
	switch s.Kind() {
	case KindSend:
		return s.sent
	case KindOwned, KindReleased, KindExpelled:
		return s.end
	case KindText:
		return math.MaxInt64 // it has no time: its fields are text
	default:
		return s.start
	}
}

// sinceEpoch is a time of a slot as one of events.
func sinceEpoch(epoch, t int64) time.Duration { return time.Duration(t - epoch) }

// momentsOf are the one or two moments of a slot. An open attempt ended when its writer
// did, at reaped.
func (s *Slot) momentsOf(epoch int64, reaped time.Duration) (m [2]eventAt) {
	kind, open := s.Kind(), s.Outcome() == OutcomeOpen
	m[0] = eventAt{eventOf[kind], sinceEpoch(epoch, s.earliestTime())}
	switch {
	case kind == KindSend && !open:
		m[1] = eventAt{EventAcked, sinceEpoch(epoch, s.end)}
	case kind == KindAttempt:
		end := sinceEpoch(epoch, s.end)
		if open {
			end = reaped
		}
		if m[1] = (eventAt{EventEnd, max(end, m[0].at)}); m[1].at == m[0].at {
			m[0].kind, m[1].kind = eventStartAtOnce, eventEndAtOnce
		}
	}
	return m
}

// fillEvent makes e one moment of the slot.
func (s *Slot) fillEvent(e *Event, kind EventKind, at time.Duration, epoch int64) {
	*e = Event{} // field by field from here: a literal is made elsewhere first, and copied
	e.At, e.Kind, e.Outcome, e.Owner, e.Flags = at, kind, s.Outcome(), s.Owner(), s.Flags
	e.Topic, e.Partition, e.Offset = s.Topic, s.Partition, s.offset
	switch kind {
	case EventStart, eventStartAtOnce:
		e.Kind, e.Outcome = EventStart, OutcomeOpen
		s.fillAttempt(e, epoch)
	case EventEnd, eventEndAtOnce:
		e.Kind = EventEnd
		s.fillAttempt(e, epoch)
	case EventSent, EventAcked, EventCopied:
		s.fillRecord(e, epoch)
	case EventOwned, EventReleased:
		e.Membership, e.Offset, e.Seen = s.Membership(), 0, sinceEpoch(epoch, s.start)
	case EventExpelled:
		e.Group, e.Seen = s.key, sinceEpoch(epoch, s.start)
	case EventCommit:
		e.Membership = s.Membership()
	case EventRewound:
		e.Group, e.To = s.key, s.sent
	case EventReset:
		e.Group, e.To = s.key, s.sent
	case EventExpired:
		e.Group = s.key
	case EventPolled:
		e.To = s.sent
	case EventDeferred:
		e.To = s.sent
		e.SetDeferredBy(s.DeferredBy())
	case EventAcquired:
		e.Group, e.To, e.Deliveries = s.key, s.sent, s.count
	case EventAcknowledged:
		e.Ack = s.count
	case EventInject, EventHeal:
		e.SetFault(s.key)
	}
}

// fillRecord sets which record the event is about.
func (s *Slot) fillRecord(e *Event, epoch int64) {
	e.Key, e.Seq, e.Due, e.Sent = s.key, s.seq, sinceEpoch(epoch, s.due), sinceEpoch(epoch, s.sent)
}

// fillAttempt sets which attempt the event is about.
func (s *Slot) fillAttempt(e *Event, epoch int64) {
	s.fillRecord(e, epoch)
	e.Start, e.Deliveries, e.Call = sinceEpoch(epoch, s.start), s.count, s.Call()
}
