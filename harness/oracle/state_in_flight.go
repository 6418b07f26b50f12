package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// inFlight keeps attempts under way in lists, the latest first, each of which begins
// wherever its owner keeps the head. Places are used again at once. The zero value is
// ready to use.
type inFlight struct {
	slots    []inFlightAttempt // 0 is the end of a list
	freeSlot int32             // freeSlot is the list of places that are free
}

// inFlightAttempt is an attempt under way.
type inFlightAttempt struct {
	start   time.Duration
	key     uint32
	seq     uint32
	part    int32
	earlier int32 // earlier is the one that began before it in the same list
	topic   uint16
	owner   ledger.Owner
	call    uint32 // call is the number of the owner's call for several records, 0 for one of its own
}

// pushAttempt puts an attempt at the head of a list.
func (u *inFlight) pushAttempt(list *int32, e *ledger.Event) {
	place := u.freeSlot
	if place == 0 {
		place = max(1, int32(len(u.slots)))
		u.slots = append(u.slots, make([]inFlightAttempt, int(place)+1-len(u.slots))...)
	}
	a := &u.slots[place]
	u.freeSlot = a.earlier
	a.start, a.key, a.seq, a.part, a.topic, a.owner, a.call, a.earlier = e.At, e.Key, e.Seq, e.Partition, e.Topic, e.Owner, e.Call(), *list
	*list = place
}

// removeAttempt takes an attempt from a list: of those that began in one instant on one record
// the first.
func (u *inFlight) removeAttempt(list *int32, e *ledger.Event) {
	var of *int32
	for at := list; *at != 0; at = &u.slots[*at].earlier {
		if a := &u.slots[*at]; a.start == e.Start && a.owner == e.Owner && a.seq == e.Seq && a.key == e.Key {
			of = at
		}
	}
	if of != nil {
		place := *of
		a := &u.slots[place]
		*of, a.earlier, u.freeSlot = a.earlier, u.freeSlot, place
	}
}
