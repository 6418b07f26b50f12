package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// inFlight keeps attempts in flight in linked lists, the latest first. The owner of a list keeps the index of
// its head, 0 for an empty list. A slot is used again as soon as its attempt ends. The zero value is ready to
// use.
type inFlight struct {
	slots    []inFlightAttempt // slots[0] is the end of every list.
	freeSlot int32             // freeSlot is the head of the list of free slots.
}

// inFlightAttempt is an attempt in flight.
type inFlightAttempt struct {
	start   time.Duration
	key     uint32
	seq     uint32
	part    int32
	earlier int32 // earlier is the slot of the attempt that began before it in the same list.
	topic   uint16
	owner   ledger.Owner
	call    uint32 // call is the number of the owner's call for several records, 0 for a call for this record alone.
}

// pushAttempt puts an attempt at the head of a list.
func (a *inFlight) pushAttempt(list *int32, e *ledger.Event) {
	place := a.freeSlot
	if place == 0 {
		place = max(1, int32(len(a.slots)))
		a.slots = append(a.slots, make([]inFlightAttempt, int(place)+1-len(a.slots))...)
	}
	// Field by field: a literal would be made on the stack and copied, 10 ns more.
	s := &a.slots[place]
	a.freeSlot = s.earlier
	s.start, s.key, s.seq, s.part, s.topic, s.owner, s.call, s.earlier = e.At, e.Key, e.Seq, e.Partition, e.Topic, e.Owner, e.Call, *list
	*list = place
}

// removeAttempt takes an attempt from a list. Of attempts that began in one instant on one record, it takes the
// first.
func (a *inFlight) removeAttempt(list *int32, e *ledger.Event) {
	var link *int32
	for at := list; *at != 0; at = &a.slots[*at].earlier {
		if s := &a.slots[*at]; s.start == e.Start && s.owner == e.Owner && s.seq == e.Seq && s.key == e.Key {
			link = at
		}
	}
	if link != nil {
		place := *link
		s := &a.slots[place]
		*link, s.earlier, a.freeSlot = s.earlier, a.freeSlot, place
	}
}
