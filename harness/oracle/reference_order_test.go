package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// rank is the place of an event's record in the order of its key and its partition.
func (r *reference) rank(e *ledger.Event) int64 {
	return r.source(e.Position()).Offset
}

// judgeOrder: a first effect never follows the first effect of a later record of its key or of its
// partition. If the earlier record had failed before, that is a retry overtaking. No redelivery
// steps back. Two attempts of a key, or of a partition if the consumer claims that order, are in
// flight at once only in one call. Work that a member could not know to be fenced off is left out.
func (r *reference) judgeOrder() {
	var fenced []ledger.Event
	open := []ledger.Event{}
	last := map[placedKey]int{} // the place of the latest effect of each key
	for i, e := range r.events {
		if e.Kind != ledger.EventStart && e.Kind != ledger.EventEnd || !r.holds(&e) {
			continue
		}
		at := e.Position()
		of := r.placedKeyOf(e.Key, at)
		isFirst := slices.Contains(r.firsts, e)
		if e.Kind == ledger.EventEnd {
			open = slices.DeleteFunc(open, func(o ledger.Event) bool {
				return o.Start == e.Start && o.Owner == e.Owner && o.Key == e.Key && o.Seq == e.Seq
			})
		}
		if r.unfenced(&e, e.At) {
			continue
		}
		if e.Kind == ledger.EventStart {
			same := func(o ledger.Event) bool { return r.placedKeyOf(o.Key, o.Position()) == of }
			if slices.ContainsFunc(open, func(o ledger.Event) bool {
				beside := same(o) || r.facts.Order == harness.OrderPartition && r.record(o.Position()).Partition == r.record(at).Partition
				return beside && !r.unfenced(&o, e.At) && !(o.Owner == e.Owner && o.Call > 0 && o.Call == e.Call)
			}) {
				r.add(CheckOverlap, at)
			}
			if !slices.ContainsFunc(open, same) && e.Topic == 0 {
				wait := r.waited(i)
				r.longest = max(r.longest, wait)
				if wait > cmp.Or(r.facts.Limits.StarvedAfter, 5*time.Second) {
					r.add(CheckStarvation, at)
				}
			}
			open = append(open, e)
			continue
		}
		if fenced = append(fenced, e); !isEffect(&e) {
			continue
		}
		if before, ok := last[of]; ok && !isFirst && r.rank(&e) < r.rank(&r.events[before]) {
			r.add(CheckRedeliveryOutOfOrder, at)
		}
		last[of] = i
		ahead := func(o ledger.Event) bool { return slices.Contains(r.firsts, o) && r.rank(&o) > r.rank(&e) }
		sameKey := func(o ledger.Event) bool { return r.placedKeyOf(o.Key, o.Position()) == of && ahead(o) }
		if i := slices.IndexFunc(fenced, sameKey); isFirst && i >= 0 {
			letter := time.Duration(0) // a dead letter ends the retries before it
			for _, c := range r.copiesOf(at, e.At) {
				if r.facts.roleOf(c.Topic) == harness.RoleDeadLetter {
					letter = c.At
				}
			}
			for _, o := range r.effects { // and so does an effect at another position of the record
				if o.At < e.At && r.record(o.Position()) == r.record(at) {
					letter = max(letter, o.At)
				}
			}
			failed := slices.ContainsFunc(fenced[:i], func(o ledger.Event) bool {
				return failed(o.Outcome) && r.record(o.Position()) == r.record(at) && o.At >= letter
			})
			r.add(map[bool]string{true: CheckRetryOvertaking, false: CheckKeyInversion}[failed], at)
		}
		if isFirst && slices.ContainsFunc(fenced, func(o ledger.Event) bool {
			return r.record(o.Position()).Partition == r.record(at).Partition && ahead(o)
		}) {
			r.add(CheckPartitionInversion, at)
		}
	}
}

// judgeParallelism: an incarnation has no more attempts open at once than its consumer declares.
// Attempts without a duration do not count.
func (r *reference) judgeParallelism() {
	if r.facts.Parallelism == 0 {
		return
	}
	same := func(a, b *ledger.Event) bool {
		return a.Start == b.Start && a.Owner == b.Owner && a.Position() == b.Position() && a.Key == b.Key && a.Seq == b.Seq
	}
	var open []ledger.Event
	for _, e := range r.events {
		switch e.Kind {
		case ledger.EventEnd:
			open = slices.DeleteFunc(open, func(o ledger.Event) bool { return same(&o, &e) })
		case ledger.EventStart:
			if slices.ContainsFunc(r.events, func(o ledger.Event) bool { return o.Kind == ledger.EventEnd && o.At == e.At && same(&o, &e) }) {
				continue
			}
			open = append(open, e)
			calls := map[uint32]bool{} // attempts of one call count once
			of := slices.DeleteFunc(slices.Clone(open), func(o ledger.Event) bool {
				again := o.Call > 0 && calls[o.Call]
				if o.Owner == e.Owner {
					calls[o.Call] = true
				}
				return o.Owner != e.Owner || again
			})
			first := e.Call == 0 || !slices.ContainsFunc(open[:len(open)-1], func(o ledger.Event) bool { return o.Owner == e.Owner && o.Call == e.Call })
			if first && len(of) > r.facts.Parallelism {
				r.add(CheckExcessParallelism, e.Position())
			}
		}
	}
}

// waited is how long the key of an attempt waited while records at least 16 offsets later were
// completed.
func (r *reference) waited(i int) time.Duration {
	e := r.events[i]
	next := (e.Offset/16 + 1) * 16
	if !slices.ContainsFunc(r.firsts, func(o ledger.Event) bool {
		return r.record(o.Position()).Partition == e.Partition && r.rank(&o) >= next
	}) {
		return 0
	}
	var passed, quiet, since time.Duration
	for _, o := range r.events[:i] {
		change := o.Kind == ledger.EventOwned || o.Kind == ledger.EventReleased || o.Kind == ledger.EventRewound
		switch {
		case o.Kind == ledger.EventHeal:
			passed = 0
		case change && o.Topic == 0 && o.Partition == e.Partition && !o.OwnGroup():
			passed, since = 0, max(since, o.At, o.Seen)
		case o.Kind != ledger.EventEnd || !r.holds(&o):
		default:
			if r.placedKeyOf(o.Key, o.Position()) == r.placedKeyOf(e.Key, e.Position()) && !r.facts.isOutput(&o) {
				quiet = max(quiet, o.At)
			}
			beyond := r.record(o.Position()).Partition == e.Partition && r.rank(&o) >= next
			if isEffect(&o) && beyond && passed == 0 && !r.unfenced(&o, o.At) {
				passed = (o.At + time.Millisecond - 1) / time.Millisecond * time.Millisecond
			}
		}
	}
	if passed == 0 {
		return 0
	}
	return e.At - max(passed, quiet, since)
}

// judgeBlastRadius: of the records of the keys that are not hot, one in a hundred may take longer
// than the limit.
func (r *reference) judgeBlastRadius() {
	others, late := 0, []ledger.Position{}
	for _, e := range r.firsts {
		if !slices.Contains(r.facts.Aggressors, e.Key) {
			if others++; e.At-e.Due > cmp.Or(r.facts.Limits.OthersP99, time.Second) {
				late = append(late, e.Position())
			}
		}
	}
	if len(r.facts.Aggressors) > 0 && len(late) > others/100 {
		for _, p := range late[:len(late)-others/100] {
			r.add(CheckBlastRadius, p)
		}
	}
}
