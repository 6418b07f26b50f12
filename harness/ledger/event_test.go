package ledger

import (
	"path/filepath"
	"testing"
	"time"
)

// TestEventsSayWhatTheirSlotsSay writes a slot of each kind by its setters and compares
// the events with what was set. No field of another meaning may shine through.
func TestEventsSayWhatTheirSlotsSay(t *testing.T) {
	in := Membership{Group: 7, Generation: 8, Member: 1<<63 + 9}
	id := Identity{Key: 3, Seq: 4, Due: 5, Sent: 6}
	by := Position{Topic: 2, Partition: 3, Offset: 40}
	slot := func(k Kind, o Outcome, set func(*Slot)) Slot {
		s := NewSlot(k, 1).With(o)
		s.SetPosition(Position{Topic: 1, Partition: 2, Offset: 30})
		set(&s)
		return s
	}
	deferred := Event{At: 0, Kind: EventDeferred, Outcome: OutcomeConfirmed, Offset: 10, To: 20}
	deferred.SetDeferredBy(by)
	inject := Event{At: 100, Kind: EventInject, Outcome: OutcomeConfirmed, Offset: 30}
	inject.SetFault(1 << 31)
	for _, c := range []struct {
		slot Slot
		want []Event
	}{
		{slot(KindSend, OutcomeAcked, func(s *Slot) { s.SetRecord(&id); s.SetEnd(100) }), []Event{
			{At: 6, Kind: EventSent, Outcome: OutcomeAcked, Offset: 30, Key: 3, Seq: 4, Due: 5, Sent: 6},
			{At: 100, Kind: EventAcked, Outcome: OutcomeAcked, Offset: 30, Key: 3, Seq: 4, Due: 5, Sent: 6},
		}},
		{slot(KindAttempt, OutcomeEffect, func(s *Slot) { s.SetRecord(&id); s.SetAttempt(100, 300); s.SetEnd(200) }), []Event{
			{At: 100, Kind: EventStart, Offset: 30, Key: 3, Seq: 4, Due: 5, Sent: 6, Start: 100, Deliveries: 255},
			{At: 200, Kind: EventEnd, Outcome: OutcomeEffect, Offset: 30, Key: 3, Seq: 4, Due: 5, Sent: 6, Start: 100, Deliveries: 255},
		}},
		{slot(KindCopied, OutcomeConfirmed, func(s *Slot) { s.SetRecord(&id); s.SetAppended(100) }), []Event{
			{At: 100, Kind: EventCopied, Outcome: OutcomeConfirmed, Offset: 30, Key: 3, Seq: 4, Due: 5, Sent: 6},
		}},
		{slot(KindCommit, OutcomeConfirmed, func(s *Slot) { s.SetCommit(in, 31, 100) }), []Event{
			{At: 100, Kind: EventCommit, Outcome: OutcomeConfirmed, Offset: 31, Membership: in},
		}},
		{slot(KindOwned, OutcomeConfirmed, func(s *Slot) { s.SetOwnership(in, 100, 200) }), []Event{
			{At: 100, Kind: EventOwned, Outcome: OutcomeConfirmed, Seen: 200, Membership: in},
		}},
		{slot(KindExpelled, OutcomeConfirmed, func(s *Slot) { s.SetExpulsion(7, 100, 200) }), []Event{
			{At: 100, Kind: EventExpelled, Outcome: OutcomeConfirmed, Offset: 30, Seen: 200, Membership: Membership{Group: 7}},
		}},
		{slot(KindRewound, OutcomeConfirmed, func(s *Slot) { s.SetRewind(7, -1, 100) }), []Event{
			{At: 100, Kind: EventRewound, Outcome: OutcomeConfirmed, Offset: -1, Membership: Membership{Group: 7}},
		}},
		{slot(KindDeferred, OutcomeConfirmed, func(s *Slot) { s.SetDeferral(by, 10, 20) }), []Event{deferred}},
		{slot(KindAcquired, OutcomeConfirmed, func(s *Slot) { s.SetAcquisition(7, 10, 20, 3, 100) }), []Event{
			{At: 100, Kind: EventAcquired, Outcome: OutcomeConfirmed, Offset: 10, To: 20, Deliveries: 3, Membership: Membership{Group: 7}},
		}},
		{slot(KindAcknowledged, OutcomeFailed, func(s *Slot) { s.SetAcknowledgement(31, AckReject, 100) }), []Event{
			{At: 100, Kind: EventAcknowledged, Outcome: OutcomeFailed, Offset: 31, Ack: AckReject},
		}},
		{slot(KindTransaction, OutcomeCancelled, func(s *Slot) { s.SetTransaction(1<<63+1, 100) }), []Event{
			{At: 100, Kind: EventTransaction, Outcome: OutcomeCancelled, Offset: 30},
		}},
		{slot(KindInject, OutcomeConfirmed, func(s *Slot) { s.SetFault(1<<31, 100) }), []Event{inject}},
	} {
		got := eventsOf(t, c.slot)
		if len(got) != len(c.want) {
			t.Errorf("kind %d: %d events, want %d", c.slot.Kind(), len(got), len(c.want))
			continue
		}
		for i, want := range c.want {
			want.Topic, want.Partition, want.Owner = 1, 2, 1
			if got[i] != want {
				t.Errorf("%v:\n got  %+v\n want %+v", want.Kind, got[i], want)
			}
		}
	}
}

// eventsOf replays a journal of one slot.
func eventsOf(t *testing.T, s Slot) (all []Event) {
	path := filepath.Join(t.TempDir(), "one.journal")
	w, err := NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	stream, err := NewStream(0, File{Path: path, Reaped: int64(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	list := make([]Event, 0, BatchSize)
	for {
		events, err := stream.Next(list)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		all = append(all, events...)
	}
}
