package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// right is what entitles a member to complete a record once: that a pass gave it to the
// member, from a place or by a range that lies in the pass, or that a share group
// delivered it. An output needs none but that its record has no output.
type right struct {
	place    ledger.Position
	pass     *pass
	via      *simRecord
	delivery *trueDelivery
}

// recordEnds are the ends that a record came to.
type recordEnds struct {
	record    ledger.Position
	effects   int
	wrong     int // of the effects, those without a right that was not used yet
	letters   int
	places    map[ledger.Position]bool // places where it had an effect
	conflict  bool                     // one of the effects or dead letters was wrong
	atFirst   bool                     // a wrong one was a dead letter, or the first effect at its place
	uncertain bool                     // uncertain: observers do not see enough of it
}

// judgeRedeliveries decides which effects after the first of a record are redeliveries and
// which have no excuse, and which records came to conflicting outcomes.
//
// A right is used up by the first effect, copy, dead letter or deferral under it. Each
// further one is wrong, and so is one without a right, or of a copy that was wrong. Of n effects of a record n - 1 are
// redeliveries, but for those that are wrong: they are unexplained. A record has
// conflicting outcomes if it has a dead letter, more than one end, and a wrong one.
//
// The check may call a wrong effect explained only where observers cannot tell, see
// [reference.isUncertain]. It calls no effect unexplained of a record without a wrong one.
func (r *reference) judgeRedeliveries() {
	used := map[right]bool{}
	records := map[ledger.Position]*recordEnds{}
	stray := map[ledger.Position]bool{} // copies that were wrong
	again := map[deferral]bool{}        // deferrals that were
	use := func(of right, entitled bool) (wrong bool) {
		wrong = !entitled || used[of] || stray[of.place] || of.via != nil && again[deferral{of.place, of.via.place}]
		used[of] = true
		return wrong
	}
	of := func(p ledger.Position) *recordEnds {
		p = r.record(p)
		if records[p] == nil {
			records[p] = &recordEnds{record: p, places: map[ledger.Position]bool{}}
		}
		return records[p]
	}
	for i := range r.events {
		e := &r.events[i]
		p := e.Position()
		switch {
		case e.Kind == ledger.EventDeferred && e.Flags&ledger.FlagCorrupt == 0:
			for at := range r.h.ids {
				if r.isDeferredBy(e, at) {
					again[deferral{at, e.DeferredBy()}] = use(right{place: at, pass: r.w.trace.ranges[e.DeferredBy()]}, true)
				}
			}
		case isEffect(e) && r.holds(e) && r.facts.isOutput(e):
			of(p).effect(p, use(right{place: r.record(p)}, true))
		case isEffect(e) && r.holds(e):
			a := r.attempts[eventOf(e)]
			of(p).effect(p, use(r.rightOf(a)))
			of(p).uncertain = of(p).uncertain || r.isUncertain(a)
		case e.Kind == ledger.EventCopied && r.holds(e) && r.facts.roleOf(e.Topic).TakesOver():
			wrong := true
			if by := r.w.trace.copies[p]; by != nil {
				wrong = use(r.rightOf(by))
			}
			if stray[p] = wrong; r.facts.roleOf(e.Topic) == harness.RoleDeadLetter {
				of(p).letter(wrong)
			}
		}
	}
	for _, n := range records {
		r.expectEnds(n)
	}
}

// deferral is a record in a range.
type deferral struct{ record, by ledger.Position }

// rightOf is the right that an attempt was made by, and whether its member had it.
func (r *reference) rightOf(a *attempt) (of right, entitled bool) {
	of = right{a.Position(), a.under, a.via, a.delivery}
	switch {
	case a.delivery != nil:
		return of, r.isCurrent(a) && !r.needless(a.delivery)
	case a.under == nil:
		return of, false
	case a.via != nil:
		return of, a.via.place.Offset >= a.under.start
	}
	return of, a.Offset >= a.under.start
}

// effect takes an effect at a place.
func (n *recordEnds) effect(at ledger.Position, wrong bool) {
	n.effects++
	if wrong {
		n.wrong++
	}
	n.end(wrong, !n.places[at])
	n.places[at] = true
}

// letter takes a dead letter.
func (n *recordEnds) letter(wrong bool) {
	n.letters++
	n.end(wrong, true)
}

func (n *recordEnds) end(wrong, fresh bool) {
	n.conflict = n.conflict || wrong
	n.atFirst = n.atFirst || wrong && fresh
}

// expectEnds expects what checks find of a record.
func (r *reference) expectEnds(n *recordEnds) {
	sure := !n.uncertain && !r.isRecordUncertain(n.record)
	wrong := min(n.effects-1, n.wrong)
	for range wrong {
		r.perhaps(CheckUnexplainedDuplicate, n.record, sure)
		r.perhaps(CheckRedelivery, n.record, false)
	}
	for range n.effects - 1 - wrong {
		r.perhaps(CheckRedelivery, n.record, wrong == 0)
		if wrong > 0 { // the check compares an effect with the one before, which may be the wrong one
			r.perhaps(CheckUnexplainedDuplicate, n.record, false)
		}
	}
	if n.conflict && n.letters > 0 && n.effects+n.letters > 1 {
		r.perhaps(CheckConflictingOutcomes, n.record, sure && n.atFirst)
		for range n.effects + n.letters - 2 { // the check counts each end, and those after a wrong one too
			r.perhaps(CheckConflictingOutcomes, n.record, false)
		}
	}
}

// isUncertain reports whether observers see too little of an attempt to say under which
// right it was made: it began while they saw the partition change its owner; its
// pass may have begun at its record or below as far as they know; or its member had no right, and may have had one for
// all that they know.
func (r *reference) isUncertain(a *attempt) bool {
	if a.delivery != nil || r.facts.Share {
		return r.isDeliveryUncertain(a)
	}
	p := a.Position()
	if a.under != nil {
		if r.w.isAcquiring(a) {
			return true
		}
		return a.via == nil && a.Offset < a.under.start && r.w.lowest(a.under) <= a.Offset
	}
	if sure, zombie := r.zombies[a]; zombie {
		return !sure
	}
	if r.w.unclear(p, a.At) {
		return true
	}
	part := r.w.part(p)
	holder := r.w.trace.holder(part, a.At)
	return r.w.trace.lastAssigned(part, a.Owner, never) != nil || holder == nil || holder.by.owner == a.Owner
}

// isRecordUncertain reports whether observers see too little of a record. With copies it
// is one that lies where some partition was read twice: they do not see
// which reading led to which copy. In a range it is one where anything has happened to
// the range or its members. And where something has made members go back to the commit,
// they cannot tell who does so without need. Of a record that a share group delivered to
// several members they remember the last alone, where they see no acknowledgement.
func (r *reference) isRecordUncertain(p ledger.Position) bool {
	if r.facts.Share {
		return r.blind && r.isDeliveredToOthers(p)
	}
	copies := r.copiesOf(p, never)
	places := []ledger.Position{p}
	for _, c := range copies {
		places = append(places, c.Position())
	}
	for _, at := range places {
		if len(copies) > 0 && r.readAgain(at) || slices.ContainsFunc(copies, func(c ledger.Event) bool { return r.lostUnawares(at, c.At) }) {
			return true
		}
	}
	if r.isDeferred(p, never) && !r.w.rangeIsWhole(p) {
		return true
	}
	return slices.ContainsFunc(r.w.trace.needless, func(n needlessRewind) bool {
		return n.part == r.w.part(p) && r.w.happened(n.at)
	})
}

// lostUnawares reports whether a member that had a place may have lost it by a time and not
// know: the copies that it makes may be late.
func (r *reference) lostUnawares(p ledger.Position, when time.Duration) bool {
	return slices.ContainsFunc(r.w.trace.assignments, func(a *trueAssignment) bool {
		return a.part == r.w.part(p) && a.learned > 0 && a.until <= when && when <= a.learned+r.facts.Heartbeat
	})
}

// readAgain reports whether a further pass through a partition may have come to a place.
func (r *reference) readAgain(p ledger.Position) bool {
	part, passes := r.w.part(p), 0
	for _, s := range r.w.trace.passes {
		if s.part == part {
			if passes++; passes > 1 && r.w.lowest(s) <= p.Offset {
				return true
			}
		}
	}
	return false
}

// rangeIsWhole reports whether one range alone has the record at a position, and nothing
// has happened to it.
func (w *simulation) rangeIsWhole(p ledger.Position) bool {
	ranges, passes := 0, map[*simPartition]int{}
	for _, l := range w.deferredTopic.records {
		if slices.ContainsFunc(l.deferred, func(in *simRecord) bool { return in.place == p }) {
			ranges++
		}
	}
	for _, s := range w.trace.passes {
		passes[s.part]++
	}
	return ranges == 1 && passes[w.part(p)] == 1 && passes[w.deferredTopic] == 1 && len(w.trace.downs)+len(w.trace.outages) == 0
}

// judgeReversals: an effect right after one of a later record of its key, both of one pass, is an
// inversion: who reads a partition once more goes through each key in order. The check
// finds it where it surely is one pass: where no range is set aside, and nobody was seen
// to come or go since the first of the two began.
func (r *reference) judgeReversals() {
	last := map[uint32]*attempt{}
	for i := range r.events {
		e := &r.events[i]
		if !isEffect(e) || !r.holds(e) || r.unfenced(e, e.At) {
			continue
		}
		a := r.attempts[eventOf(e)]
		if a == nil {
			continue
		}
		before := last[a.Key]
		if before != nil && !slices.Contains(r.firsts, *e) && a.Topic+before.Topic == 0 && a.via == nil && a.under != nil && a.under == before.under && a.Offset < before.Offset {
			r.perhaps(CheckKeyInversion, a.Position(), r.keeps(a, min(a.At, before.At), a.end) && r.w.deferredTopic == nil)
		}
		last[a.Key] = a
	}
}

// keeps reports whether the owner of an attempt's partition was seen to keep it in a time.
func (r *reference) keeps(a *attempt, from, to time.Duration) bool {
	return !slices.ContainsFunc(r.events, func(e ledger.Event) bool {
		in := e.At <= to && max(e.At, e.Seen) >= from
		switch e.Kind {
		case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
			return in && e.Topic == a.Topic && e.Partition == a.Partition
		case ledger.EventDown, ledger.EventExpelled:
			return in
		}
		return false
	})
}
