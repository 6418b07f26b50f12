package oracle

import (
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// ownership is who had which partition from when to when, and how it was lost. The
// pump feeds it, in the order of the replay, and is up to a batch ahead of the checks:
// what these ask is asked for a time, so that what has come since makes no difference.
//
// Acquisitions and losses are seen as intervals. A partition is had from the
// earliest moment of its acquisition to the latest of its loss.
type ownership struct {
	facts    *Facts
	topics   [][][]ownershipInterval
	expelled [][]expulsion // by owner
	faults   []faultPeriod
}

// ownershipInterval is one owner's time with a partition.
type ownershipInterval struct {
	owner ledger.Owner
	group uint32 // group gave it, 0 for the run's
	lost  bool
	by    *expulsion    // by is the expulsion that took it, nil if it was given up or taken over
	at    time.Duration // at and seen bound the acquisition
	seen  time.Duration
	from  time.Duration // from and until bound the loss
	until time.Duration
	begun time.Duration // begun is the owner's first start of a record, never before that; of the pump alone
}

// expulsion is the loss of all partitions that one group had given to a member that lived.
type expulsion struct {
	owner    ledger.Owner
	at, seen time.Duration
}

// faultPeriod is a fault that struck an owner: it stood still, or was cut off.
type faultPeriod struct {
	owner    ledger.Owner
	fault    uint32
	from, to time.Duration // to is never until it is healed
}

const never = time.Duration(math.MaxInt64)

// learningSlack is what a member gets beside a heartbeat to learn of its expulsion.
const learningSlack = 100 * time.Millisecond

// maxPartitions bounds what a partition's number may be: a damaged one costs no memory.
const maxPartitions = 1 << 20

func newOwnership(f *Facts) *ownership {
	return &ownership{facts: f, expelled: make([][]expulsion, len(f.Owners))}
}

// trackOwnership takes an event that changes who has what.
func (h *ownership) trackOwnership(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventOwned:
		h.acquirePartition(e)
	case ledger.EventReleased:
		if list := h.growIntervals(e); list != nil {
			if l := lastInterval(*list, e.Owner); l != nil {
				l.endInterval(e.At, e.Seen, nil)
			}
		}
	case ledger.EventExpelled:
		h.expelMember(e)
	case ledger.EventInject:
		if e.Owner != 0 {
			h.faults = append(h.faults, faultPeriod{owner: e.Owner, fault: e.Key, from: e.At, to: never})
		}
	case ledger.EventHeal:
		for i := range h.faults {
			if w := &h.faults[i]; w.fault == e.Key && w.to == never {
				w.to = e.At
			}
		}
	}
}

// decidesOwnership reports whether ownership in an event decides who may work on the
// partition: of the source, that of the run's group does.
func decidesOwnership(e *ledger.Event) bool { return e.Topic > 0 || !e.OwnGroup() }

// growIntervals is the list of the event's partition, nil for one that cannot be.
func (h *ownership) growIntervals(e *ledger.Event) *[]ownershipInterval {
	if e.Partition < 0 || e.Partition >= maxPartitions || int(e.Topic) > len(h.facts.Sides) || !decidesOwnership(e) || h.facts.Share {
		return nil
	}
	for int(e.Topic) >= len(h.topics) {
		h.topics = append(h.topics, nil)
	}
	for int(e.Partition) >= len(h.topics[e.Topic]) {
		h.topics[e.Topic] = append(h.topics[e.Topic], nil)
	}
	return &h.topics[e.Topic][e.Partition]
}

func (h *ownership) intervalsOf(topic uint16, partition int32) []ownershipInterval {
	if int(topic) >= len(h.topics) {
		return nil
	}
	if parts := h.topics[topic]; uint(partition) < uint(len(parts)) {
		return parts[partition]
	}
	return nil
}

// acquirePartition takes the partition from whoever had it.
func (h *ownership) acquirePartition(e *ledger.Event) {
	list := h.growIntervals(e)
	if list == nil || e.Owner == 0 {
		return
	}
	if n := len(*list); n > 0 {
		last := &(*list)[n-1]
		if last.owner == e.Owner && !last.lost {
			return // a further generation
		}
		last.endInterval(e.At, e.Seen, nil)
	}
	*list = append(*list, ownershipInterval{owner: e.Owner, group: e.Key, at: e.At, seen: e.Seen, begun: never})
}

func (l *ownershipInterval) endInterval(from, until time.Duration, by *expulsion) {
	if !l.lost {
		l.lost, l.from, l.until, l.by = true, from, until, by
	}
}

// expelMember takes all partitions that the member had of the group before: of others a pod
// may be a member still. What it lost within the same interval it lost so.
func (h *ownership) expelMember(e *ledger.Event) {
	if int(e.Owner) >= len(h.expelled) || e.Owner == 0 {
		return
	}
	x := expulsion{e.Owner, e.At, e.Seen}
	h.expelled[e.Owner] = append(h.expelled[e.Owner], x)
	for _, parts := range h.topics {
		for _, list := range parts {
			for i := len(list) - 1; i >= 0; i-- {
				l := &list[i]
				if l.owner != e.Owner || l.group != e.Key {
					continue
				}
				if l.lost && l.by == nil && l.until >= e.At {
					l.by = &x
				}
				l.endInterval(e.At, e.Seen, &x)
				break
			}
		}
	}
}

// lastInterval is the latest holding of an owner.
func lastInterval(list []ownershipInterval, o ledger.Owner) *ownershipInterval {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].owner == o {
			return &list[i]
		}
	}
	return nil
}

// intervalAt is the index of the holding under which owner did something at a time: its
// latest that began no later. It is -1 if none was seen.
func intervalAt(list []ownershipInterval, o ledger.Owner, when time.Duration) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].owner == o && list[i].at <= when {
			return i
		}
	}
	return -1
}

// learnedAt is when the member could have learned of its expulsion, and stopped: a
// heartbeat and a little after it was seen, or after the end of a fault that
// struck the member in that time. It is never while such a fault lasts.
func (h *ownership) learnedAt(x *expulsion) time.Duration {
	grace := h.facts.Heartbeat + learningSlack
	knew := x.seen
	for again := true; again; {
		again = false
		for i := range h.faults {
			w := &h.faults[i]
			if w.owner == x.owner && w.from <= knew+grace && w.to > knew {
				knew, again = w.to, true
			}
			if knew == never {
				return never
			}
		}
	}
	return knew + grace
}

// isUnfenced reports whether an attempt of owner, begun at start on the partition of p,
// is at now one of a member that the group had expelled and that could not know it
// when the attempt began.
func (h *ownership) isUnfenced(p ledger.Position, o ledger.Owner, start, now time.Duration) bool {
	l := h.expelledInterval(p, o, start, now)
	return l != nil && start <= h.learnedAt(l.by)
}

// mayAppendLate reports whether what the owner of a partition appends elsewhere, at a time, may
// be of a member that the group had expelled and that could not know it: nobody says who
// appended a copy.
func (h *ownership) mayAppendLate(p ledger.Position, when time.Duration) bool {
	list := h.intervalsOf(p.Topic, p.Partition)
	for i := range list {
		if l := &list[i]; l.by != nil && l.by.at <= when && when <= h.learnedAt(l.by) {
			return true
		}
	}
	return false
}

// expelledInterval is the holding under which an attempt began, if an expulsion before now took it.
func (h *ownership) expelledInterval(p ledger.Position, o ledger.Owner, start, now time.Duration) *ownershipInterval {
	if int(o) >= len(h.expelled) || len(h.expelled[o]) == 0 {
		return nil
	}
	list := h.intervalsOf(p.Topic, p.Partition)
	for i := intervalAt(list, o, start); i >= 0; i = intervalAt(list[:i], o, start) {
		switch l := &list[i]; {
		case l.lost && l.by != nil && l.by.at <= now:
			return l
		case l.seen < start:
			return nil
		}
		// It may have begun before it had the partition again, under what it had last.
	}
	return nil
}

// lostBefore says when owner surely had lost the partition of p, if it had by then.
func (h *ownership) lostBefore(p ledger.Position, o ledger.Owner, when time.Duration) (loss ownershipInterval, ok bool) {
	list := h.intervalsOf(p.Topic, p.Partition)
	i := intervalAt(list, o, when)
	if i < 0 || !list[i].lost || list[i].until >= when {
		return loss, false
	}
	return list[i], true
}
