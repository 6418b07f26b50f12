package ledger

import (
	"fmt"
	"time"
)

// Edge says which moment of a fact an [Event] is.
type Edge uint8

// The order of the edges is the order of cause among events of one instant: a
// record's end frees its key before the next start, a commit follows the work.
const (
	EdgeUp        Edge = iota + 1 // an incarnation started
	EdgeInject                    // a fault took hold
	EdgeSent                      // Produce was called
	EdgeAcked                     // a send ended: acked, failed or unknown, by Outcome
	EdgeEnd                       // an attempt ended, by Outcome; OutcomeOpen: its process died
	EdgeReleased                  // a partition left its owner
	EdgeOwned                     // a partition came to its owner
	EdgeStart                     // an attempt began
	EdgeEndAtOnce                 // an attempt ended in the instant it began; checks see EdgeEnd
	EdgeCommit                    // a commit took hold, by Outcome confirmed or unknown
	EdgeExpelled                  // the group dropped a member that lived
	EdgeHeal                      // a fault was healed
	EdgeDown                      // an incarnation was reaped
)

var edgeNames = [...]string{"?", "up", "inject", "sent", "acked", "end", "released", "owned", "start", "end", "commit", "expelled", "heal", "down"}

func (e Edge) String() string {
	if int(e) < len(edgeNames) {
		return edgeNames[e]
	}
	return fmt.Sprintf("edge(%d)", uint8(e))
}

// Event is one moment of one fact, as the replay hands it to checks and
// measures. Times count from the run's start.
type Event struct {
	At         time.Duration // At is when it happened.
	Edge       Edge
	Outcome    Outcome
	First      bool // First marks, at an EdgeEnd with OutcomeEffect, the first effect of its position.
	Topic      uint16
	Owner      Owner
	Partition  int32
	Offset     int64 // Offset of the record, or the offset committed.
	Key, Seq   uint32
	Generation int32         // Generation of an EdgeOwned.
	Member     uint64        // Member is a hash of the member id of an EdgeOwned or EdgeReleased.
	Due, Sent  time.Duration // of the record
	Start      time.Duration // Start of the attempt, at an EdgeEnd too.
	// Seen is when an observer saw an EdgeOwned or EdgeReleased, which happened
	// no earlier than At.
	Seen time.Duration
}

// Position is where the event's record lies.
func (e *Event) Position() Position { return Position{e.Topic, e.Partition, e.Offset} }

// events appends the moments of a slot; reaped is when its writer ended, which
// closes an attempt left open.
func (s *Slot) events(into []Event, epoch int64, reaped time.Duration) []Event {
	since := func(t int64) time.Duration { return time.Duration(t - epoch) }
	e := Event{
		Outcome: s.Outcome(), Owner: s.Owner(), Topic: s.Topic, Partition: s.Partition, Offset: s.Offset,
		Key: s.Key, Seq: s.Seq, Due: since(s.Due), Sent: since(s.Sent), Start: since(s.Start),
	}
	add := func(edge Edge, at time.Duration) {
		e.Edge, e.At = edge, at
		into = append(into, e)
	}
	switch k := s.Kind(); k {
	case KindSend:
		add(EdgeSent, e.Sent)
		if e.Outcome != OutcomeOpen {
			add(EdgeAcked, since(s.End))
		}
	case KindAttempt:
		end := max(since(s.End), e.Start)
		if e.Outcome == OutcomeOpen {
			end = max(reaped, e.Start)
		}
		o := e.Outcome
		e.Outcome = OutcomeOpen
		add(EdgeStart, e.Start)
		e.Outcome = o
		if end == e.Start {
			add(EdgeEndAtOnce, end)
		} else {
			add(EdgeEnd, end)
		}
	case KindCommit:
		add(EdgeCommit, e.Start)
	case KindOwned, KindReleased:
		e.Generation, e.Member, e.Offset, e.Seen = int32(s.Seq), uint64(s.Offset), 0, e.Start
		add(map[Kind]Edge{KindOwned: EdgeOwned, KindReleased: EdgeReleased}[k], since(s.End))
	case KindUp:
		add(EdgeUp, e.Start)
	case KindDown:
		add(EdgeDown, e.Start)
	case KindInject:
		add(EdgeInject, e.Start)
	case KindHeal:
		add(EdgeHeal, e.Start)
	case KindExpelled:
		add(EdgeExpelled, e.Start)
	}
	return into
}
