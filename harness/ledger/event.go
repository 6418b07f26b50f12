package ledger

import (
	"fmt"
	"math"
	"time"
)

// EventKind says which moment of a fact an [Event] is.
type EventKind uint8

// The order of the edges is the order of cause among events of one instant: a
// record's end frees its key before the next start, a commit follows the work.
const (
	EventUp           EventKind = iota + 1 // an incarnation started
	EventInject                            // a fault took hold
	EventSent                              // Produce was called
	EventAcked                             // a send ended: acked, failed or unknown, by Outcome
	EventEnd                               // an attempt ended, by Outcome; OutcomeOpen: its process died
	EventExpelled                          // the group dropped a member that lived
	EventReleased                          // a partition left its owner
	EventOwned                             // a partition came to its owner
	EventRewound                           // an owner went back to the commit, or to Offset
	EventAcquired                          // a range of records came to a member of a share group
	EventStartAtOnce                       // an attempt began that ended in the same instant; checks see EventStart
	EventEndAtOnce                         // and its end, before the next attempt of its journal began; checks see EventEnd
	EventStart                             // an attempt began
	EventCopied                            // a copy was appended to a side topic
	EventDeferred                          // a range of the source was set aside
	EventAcknowledged                      // a member of a share group answered for a record
	EventCommit                            // a commit took hold, by Outcome confirmed or unknown
	EventTransaction                       // a transaction ended, by Outcome confirmed or cancelled
	EventHeal                              // a fault was healed
	EventDown                              // an incarnation was reaped
)

var eventNames = [...]string{
	"?", "up", "inject", "sent", "acked", "end", "expelled", "released", "owned", "rewound", "acquired", "start", "end", "start",
	"custody", "range", "acknowledged", "commit", "transaction", "heal", "down",
}

func (e EventKind) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return fmt.Sprintf("edge(%d)", uint8(e))
}

// Event is one moment of one fact, as the replay hands it to checks and
// measures. Times count from the run's start. What checks look at of each record
// comes first, in 64 bytes.
type Event struct {
	At         time.Duration // At is when it happened.
	Kind       EventKind
	Outcome    Outcome
	First      bool // First marks, at an EventEnd with OutcomeEffect, the first effect of its record; the judge sets it.
	Held       bool // Held: the final read found this very record at this position; the judge sets it.
	Topic      uint16
	Owner      Owner
	Partition  int32
	Origin     int32 // Origin is the partition of the source where the record first lay: Partition, but for a copy; the judge sets it.
	Offset     int64 // Offset of the record, or the offset committed.
	Source     int64 // Source is the record's offset in Origin, -1 if it never lay there; the judge sets it.
	Key, Seq   uint32
	Start      time.Duration // Start of the attempt, at an EventEnd too.
	Generation int32         // Generation of an EventOwned or an EventCommit; see [Event.RangeAt] for an EventDeferred, [Event.Call] for an attempt.
	Flags      Flags
	Count      uint8         // Count is that of the slot: deliveries of an attempt, or an [Ack].
	Unfenced   bool          // Unfenced marks, at an EventStart and EventEnd, work of a pod that the group had expelled and that could not know it; the judge sets it.
	Zombie     bool          // Zombie marks, at an EventStart and EventEnd, work begun on a partition that its pod had surely lost, and could know it; the judge sets it.
	Member     uint64        // Member is a hash of the member id of an EventOwned, EventReleased or EventCommit, of the transactional id of an EventTransaction.
	Due, Sent  time.Duration // of the record
	// Seen is when an observer saw an EventOwned, EventReleased or EventExpelled,
	// which happened no earlier than At.
	Seen time.Duration
	// To is one past the last offset of an EventDeferred or EventAcquired, which begins at
	// Offset.
	To int64
}

// Position is where the event's record lies.
func (e *Event) Position() Position { return Position{e.Topic, e.Partition, e.Offset} }

// Call is the number of the call that the attempt of an EventStart or EventEnd was
// made in, among those of its owner for several records; 0 for a call for it alone.
func (e *Event) Call() uint32 {
	if e.Kind != EventStart && e.Kind != EventEnd {
		return 0
	}
	return uint32(e.Generation)
}

// SetCall sets what [Event.Call] returns.
func (e *Event) SetCall(call uint32) { e.Generation = int32(call) }

// RangeAt is where the record lies by which an EventDeferred was set aside. Its Offset is
// below 0 if that is not known.
func (e *Event) RangeAt() Position {
	return Position{Topic: uint16(e.Key), Partition: e.Generation, Offset: int64(e.Member) - 1}
}

// SetRangeAt sets what [Event.RangeAt] returns.
func (e *Event) SetRangeAt(p Position) {
	e.Key, e.Generation, e.Member = uint32(p.Topic), p.Partition, uint64(p.Offset+1)
}

// OwnGroup reports whether the event is of a group of the consumer's own, beside
// the run's.
func (e *Event) OwnGroup() bool {
	switch e.Kind {
	case EventOwned, EventReleased, EventExpelled, EventRewound, EventCommit:
		return e.Key != 0
	}
	return false
}

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
}

// eventAt is an edge and its time.
type eventAt struct {
	kind EventKind // 0 for none
	at   time.Duration
}

// first is when the slot's earliest moment is, ns on CLOCK_MONOTONIC.
func (s *Slot) first() int64 {
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

// since is a time of a slot as one of events.
func since(epoch, t int64) time.Duration { return time.Duration(t - epoch) }

// moments are the one or two moments of a slot; reaped is when its writer
// ended, which ends an attempt left open.
func (s *Slot) moments(epoch int64, reaped time.Duration) (m [2]eventAt) {
	kind, open := s.Kind(), s.Outcome() == OutcomeOpen
	m[0] = eventAt{eventOf[kind], since(epoch, s.first())}
	switch {
	case kind == KindSend && !open:
		m[1] = eventAt{EventAcked, since(epoch, s.end)}
	case kind == KindAttempt:
		end := since(epoch, s.end)
		if open {
			end = reaped
		}
		if m[1] = (eventAt{EventEnd, max(end, m[0].at)}); m[1].at == m[0].at {
			m[0].kind, m[1].kind = EventStartAtOnce, EventEndAtOnce
		}
	}
	return m
}

// event makes e one moment of the slot.
func (s *Slot) event(e *Event, edge EventKind, at time.Duration, epoch int64) {
	*e = Event{} // field by field from here: a literal is made elsewhere first, and copied
	e.At, e.Kind, e.Outcome, e.Owner = at, edge, s.Outcome(), s.Owner()
	e.Topic, e.Partition, e.Offset, e.Key, e.Seq = s.Topic, s.Partition, s.offset, s.key, s.seq
	e.Due, e.Sent, e.Start, e.Flags, e.Count = since(epoch, s.due), since(epoch, s.sent), since(epoch, s.start), s.Flags, s.count
	switch edge {
	case EventStart, EventStartAtOnce:
		e.Kind, e.Outcome = EventStart, OutcomeOpen
		e.SetCall(s.Call())
	case EventEnd:
		if s.Kind() == KindAttempt {
			e.SetCall(s.Call())
		}
	case EventEndAtOnce:
		e.Kind = EventEnd
		e.SetCall(s.Call())
	case EventOwned, EventReleased:
		e.Generation, e.Member, e.Offset, e.Seen = int32(s.seq), uint64(s.offset), 0, e.Start
	case EventExpelled:
		e.Seen = e.Start
	case EventCommit:
		e.Generation, e.Member = int32(s.seq), uint64(s.due)
	case EventTransaction:
		e.Member = uint64(s.due)
	case EventDeferred:
		e.To, e.Generation, e.Member = s.sent, int32(s.seq), uint64(s.due)
	case EventAcquired:
		e.To = s.sent
	}
}
