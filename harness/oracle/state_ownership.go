package oracle

import (
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// ownership knows which pod owned which partition from when to when, and how it lost it. The annotator feeds it
// and is up to a batch ahead of the checks, so a check asks for a time.
//
// Observers see acquisitions and losses as intervals. A pod owns a partition from the earliest time of its
// acquisition to the latest time of its loss.
type ownership struct {
	facts    *Facts
	topics   [][][]ownershipInterval // topics are by topic and partition.
	expelled []bool                  // expelled are the owners that a group expelled.
	faults   []faultPeriod
}

// ownershipInterval is the time of one owner with a partition.
type ownershipInterval struct {
	owner ledger.Owner
	group uint32 // group gave it, 0 for the run's group.
	lost  bool
	by    *expulsion    // by is the expulsion that ended it, nil if the owner gave it up or another took over.
	at    time.Duration // at and seen bound the acquisition.
	seen  time.Duration
	from  time.Duration // from and until bound the loss.
	until time.Duration
	begun time.Duration // begun is the owner's first start of a record, never before that. Only [fences] use it.
}

// expulsion is the loss of all partitions that one group had given to a member that lived.
type expulsion struct {
	owner    ledger.Owner
	at, seen time.Duration
}

// faultPeriod is the time of a fault that affects an owner: its pod stood still, or was cut off.
type faultPeriod struct {
	owner    ledger.Owner // owner is 0 for all.
	fault    uint32
	from, to time.Duration // to is never until it is healed.
}

const never = time.Duration(math.MaxInt64)

// learningSlack is the time that a member gets after a heartbeat to learn of its expulsion.
const learningSlack = 100 * time.Millisecond

// maxPartitions bounds the number of a partition, so that a damaged one costs no memory.
const maxPartitions = 1 << 20

func newOwnership(f *Facts) *ownership {
	return &ownership{facts: f, expelled: make([]bool, len(f.Owners))}
}

// trackOwnership notes an event that changes who owns what.
func (o *ownership) trackOwnership(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventOwned:
		o.acquirePartition(e)
	case ledger.EventReleased:
		if list := o.growIntervals(e); list != nil {
			if i := lastInterval(*list, e.Owner); i != nil {
				i.endInterval(e.At, e.Seen, nil)
			}
		}
	case ledger.EventExpelled:
		o.expelMember(e)
	case ledger.EventInject:
		if e.Owner != 0 || e.Partition == ledger.SilencedAll {
			o.faults = append(o.faults, faultPeriod{owner: e.Owner, fault: e.Fault(), from: e.At, to: never})
		}
	case ledger.EventHeal:
		for i := range o.faults {
			if f := &o.faults[i]; f.fault == e.Fault() && f.to == never {
				f.to = e.At
			}
		}
	}
}

// decidesOwnership reports whether the ownership in an event decides who may work on the partition. Of the
// source, only that of the run's group does.
func decidesOwnership(e *ledger.Event) bool { return e.Topic > 0 || !e.OwnGroup() }

// growIntervals is the list of the event's partition, nil for a partition that cannot be.
func (o *ownership) growIntervals(e *ledger.Event) *[]ownershipInterval {
	if e.Partition < 0 || e.Partition >= maxPartitions || int(e.Topic) > len(o.facts.Sides) || !decidesOwnership(e) || o.facts.Share {
		return nil
	}
	for int(e.Topic) >= len(o.topics) {
		o.topics = append(o.topics, nil)
	}
	for int(e.Partition) >= len(o.topics[e.Topic]) {
		o.topics[e.Topic] = append(o.topics[e.Topic], nil)
	}
	return &o.topics[e.Topic][e.Partition]
}

func (o *ownership) intervalsOf(topic uint16, partition int32) []ownershipInterval {
	if int(topic) >= len(o.topics) {
		return nil
	}
	if parts := o.topics[topic]; uint(partition) < uint(len(parts)) {
		return parts[partition]
	}
	return nil
}

// acquirePartition gives the partition to the event's owner, and ends the interval of the owner before.
func (o *ownership) acquirePartition(e *ledger.Event) {
	list := o.growIntervals(e)
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
	*list = append(*list, ownershipInterval{owner: e.Owner, group: e.Group, at: e.At, seen: e.Seen, begun: never})
}

func (i *ownershipInterval) endInterval(from, until time.Duration, by *expulsion) {
	if !i.lost {
		i.lost, i.from, i.until, i.by = true, from, until, by
	}
}

// expelMember ends all intervals that the group gave to the member: in other groups the pod may still be a
// member. A partition that it lost within the interval of the expulsion, it lost by the expulsion. So it did
// with one that no other pod got since, if a fault affected the member at the loss: it cannot have read the
// response that revoked the partition, and the group of KIP-848 keeps the partition for it until then.
func (o *ownership) expelMember(e *ledger.Event) {
	if int(e.Owner) >= len(o.expelled) || e.Owner == 0 {
		return
	}
	o.expelled[e.Owner] = true
	by := &expulsion{e.Owner, e.At, e.Seen}
	for _, parts := range o.topics {
		for _, list := range parts {
			for k := len(list) - 1; k >= 0; k-- {
				i := &list[k]
				if i.owner != e.Owner || i.group != e.Group {
					continue
				}
				if i.lost && i.by == nil && (i.until >= e.At || k == len(list)-1 && o.wasAffected(e.Owner, i.from, i.until)) {
					i.by = by
				}
				i.endInterval(e.At, e.Seen, by)
				break
			}
		}
	}
}

// wasAffected reports whether a fault affected an owner at some time from from to until.
func (o *ownership) wasAffected(owner ledger.Owner, from, until time.Duration) bool {
	for i := range o.faults {
		if f := &o.faults[i]; f.owner == owner && f.from <= until && f.to > from {
			return true
		}
	}
	return false
}

// wasExpelled reports whether a group has expelled an owner.
func (o *ownership) wasExpelled(owner ledger.Owner) bool {
	return int(owner) < len(o.expelled) && o.expelled[owner]
}

// lastInterval is the latest interval of an owner.
func lastInterval(list []ownershipInterval, o ledger.Owner) *ownershipInterval {
	for k := len(list) - 1; k >= 0; k-- {
		if list[k].owner == o {
			return &list[k]
		}
	}
	return nil
}

// intervalAt is the index of the owner's latest interval that began no later than a time, noInterval if
// observers saw none.
func intervalAt(list []ownershipInterval, o ledger.Owner, when time.Duration) int {
	for k := len(list) - 1; k >= 0; k-- {
		if list[k].owner == o && list[k].at <= when {
			return k
		}
	}
	return noInterval
}

const noInterval = -1

// learnedAt is when the member could know of its expulsion and stop: a heartbeat and learningSlack after the
// expulsion was seen, or as long after the end of a fault that affected the member in that time. It is never
// while such a fault lasts.
func (o *ownership) learnedAt(x *expulsion) time.Duration {
	grace := o.facts.Heartbeat + learningSlack
	knew := x.seen
	for again := true; again; {
		again = false
		for i := range o.faults {
			f := &o.faults[i]
			if (f.owner == x.owner || f.owner == 0) && f.from <= knew+grace && f.to > knew {
				knew, again = f.to, true
			}
			if knew == never {
				return never
			}
		}
	}
	return knew + grace
}

// isUnfenced reports whether an attempt of owner, begun at start on the partition of p, is now that of a member
// that the group has expelled, and that could not know it when the attempt began.
func (o *ownership) isUnfenced(p ledger.Position, owner ledger.Owner, start, now time.Duration) bool {
	i := o.expelledInterval(p, owner, start, now)
	return i != nil && start <= o.learnedAt(i.by)
}

// mayAppendLate reports whether an append by an owner of a partition, at a time, may be that of a member which
// the group had expelled and which could not know it. The ledger does not show who appended a copy.
func (o *ownership) mayAppendLate(p ledger.Position, when time.Duration) bool {
	list := o.intervalsOf(p.Topic, p.Partition)
	for k := range list {
		if i := &list[k]; i.by != nil && i.by.at <= when && when <= o.learnedAt(i.by) {
			return true
		}
	}
	return false
}

// expelledInterval is the interval in which an attempt began, if an expulsion before now ended it.
func (o *ownership) expelledInterval(p ledger.Position, owner ledger.Owner, start, now time.Duration) *ownershipInterval {
	if !o.wasExpelled(owner) {
		return nil
	}
	list := o.intervalsOf(p.Topic, p.Partition)
	for k := intervalAt(list, owner, start); k != noInterval; k = intervalAt(list[:k], owner, start) {
		switch i := &list[k]; {
		case i.lost && i.by != nil && i.by.at <= now:
			return i
		case i.seen < start:
			return nil
		}
		// The attempt may have begun before the owner got the partition back, in its interval before.
	}
	return nil
}

// lostBefore is the interval that the owner had surely lost before a time, ok if it had.
func (o *ownership) lostBefore(p ledger.Position, owner ledger.Owner, when time.Duration) (lost ownershipInterval, ok bool) {
	list := o.intervalsOf(p.Topic, p.Partition)
	k := intervalAt(list, owner, when)
	if k == noInterval || !list[k].lost || list[k].until >= when {
		return lost, false
	}
	return list[k], true
}
