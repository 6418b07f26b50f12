package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// right entitles a member to complete a record once. A pass gives it with each record, at a place
// or by a range in the pass. A delivery of a share group gives it too. An output needs only that
// its record has no output yet.
type right struct {
	place    ledger.Position
	pass     *pass
	via      *simRecord
	delivery *trueDelivery
}

// recordEnds counts how a record ended.
type recordEnds struct {
	record    ledger.Position
	positions int // in the source
	effects   int
	wrong     int // of the effects, those without a right that was not used yet
	repeated  int // of the wrong ones, those at a place that had an effect before
	letters   int
	places    map[ledger.Position]bool // places where it had an effect
	conflict  bool                     // one of the effects or dead letters was wrong
	atFirst   bool                     // a wrong one was a dead letter, or the first effect at its place
	uncertain bool                     // uncertain: observers do not see enough of it
}

// judgeRedeliveries decides which effects after the first effect of a record are redeliveries,
// which are unexplained duplicates, and which records have conflicting outcomes.
//
// The first effect, copy, dead letter or deferral uses up a right. A further one is wrong, and so
// is one without a right, or of a copy or a range that was wrong. Of n effects of a record n-1 are
// repeated. Of these the wrong ones are unexplained, and the others are redeliveries. A record has
// conflicting outcomes if it has a dead letter, more than one end, and a wrong one. Each position of the record
// in the source allows one end: the check cannot tell which copy is of which.
//
// The check calls no effect of a record unexplained if the record has no wrong one. It calls a
// wrong one explained only if observers cannot tell: see [reference.isUncertain] and
// [reference.isRecordUncertain].
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
			records[p] = &recordEnds{record: p, positions: r.positionsOf(p), places: map[ledger.Position]bool{}}
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
			of(p).effect(p, use(right{place: r.source(p)}, true))
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

// positionsOf counts the positions of a record in the source that may each be completed once. Without copies each of
// them is a record.
func (r *reference) positionsOf(p ledger.Position) int {
	if id := r.h.ids[p]; r.copied[id] {
		return len(r.positions[id])
	}
	return 1
}

// deferral is a record in a range.
type deferral struct{ record, by ledger.Position }

// rightOf is the right by which an attempt was made, and whether the member had it.
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

// effect adds an effect at a place.
func (n *recordEnds) effect(at ledger.Position, wrong bool) {
	n.effects++
	if wrong {
		n.wrong++
		if n.places[at] {
			n.repeated++
		}
	}
	n.end(wrong, !n.places[at])
	n.places[at] = true
}

// letter adds a dead letter.
func (n *recordEnds) letter(wrong bool) {
	n.letters++
	n.end(wrong, true)
}

func (n *recordEnds) end(wrong, fresh bool) {
	n.conflict = n.conflict || wrong
	n.atFirst = n.atFirst || wrong && fresh
}

// expectEnds expects what the checks find about a record.
func (r *reference) expectEnds(n *recordEnds) {
	sure := !n.uncertain && !r.isRecordUncertain(n.record)
	wrong := min(n.effects-1, n.wrong)
	single := n.positions == 1
	excess := max(0, len(n.places)-n.positions) // so many places have an effect that no position in the source allows
	for i := range wrong {
		r.perhaps(CheckUnexplainedDuplicate, n.record, sure && (single || i < n.repeated+min(excess, n.wrong-n.repeated)))
		r.perhaps(CheckRedelivery, n.record, false)
	}
	for i := range n.effects - 1 - wrong {
		r.perhaps(CheckRedelivery, n.record, wrong == 0 && (single || i < n.effects-len(n.places)+excess))
		if wrong > 0 { // the check compares an effect with the one before, which may be the wrong one
			r.perhaps(CheckUnexplainedDuplicate, n.record, false)
		}
	}
	if n.conflict && n.letters > 0 && n.effects+n.letters > 1 {
		r.perhaps(CheckConflictingOutcomes, n.record, sure && n.atFirst && (single || len(n.places)+n.letters > n.positions))
		for range n.effects + n.letters - 2 { // the check counts each end, and those after a wrong one too
			r.perhaps(CheckConflictingOutcomes, n.record, false)
		}
	}
}

// isUncertain reports whether observers see too little of an attempt to name its right. There are
// three cases. The attempt began while they saw its member acquire the partition. Or they cannot
// exclude that the pass began at the record or below. Or the member had no right, and they cannot
// exclude that it had one.
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

// isRecordUncertain reports whether observers see too little of a record. If it has copies, and one
// of its partitions was read twice, they do not see which reading led to which copy. The same holds
// for a range if anything has happened to it or to its members. After a disruption they cannot tell
// a rewind with a reason from one without. In a share group without acknowledgements they know only
// the last member that completed the record.
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

// lostUnawares reports whether a member had lost a place by a time and could not know it. Its
// copies may be late.
func (r *reference) lostUnawares(p ledger.Position, when time.Duration) bool {
	return slices.ContainsFunc(r.w.trace.assignments, func(a *trueAssignment) bool {
		return a.part == r.w.part(p) && a.learned > 0 && a.until <= when && when <= a.learned+r.facts.Heartbeat
	})
}

// readAgain reports whether a further pass through a partition may have reached a place.
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

// rangeIsWhole reports whether only one range holds the record at a position, and nothing has
// happened to the range.
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

// judgeReversals: within a pass a member goes through each key in order. An effect right after the
// effect of a later record of its key, both of one pass, is a key inversion.
//
// The check finds it if no range was deferred in the run, and observers saw no change of the
// partition and no end of a member since the first of the two began.
func (r *reference) judgeReversals() {
	last := map[placedKey]*attempt{}
	for i := range r.events {
		e := &r.events[i]
		if !isEffect(e) || !r.holds(e) || r.unfenced(e, e.At) {
			continue
		}
		a := r.attempts[eventOf(e)]
		if a == nil {
			continue
		}
		of := r.placedKeyOf(a.Key, a.Position())
		before := last[of]
		if before != nil && !slices.Contains(r.firsts, *e) && a.Topic+before.Topic == 0 && a.via == nil && a.under != nil && a.under == before.under && a.Offset < before.Offset {
			r.perhaps(CheckKeyInversion, a.Position(), r.keeps(a, min(a.At, before.At), a.end) && r.w.deferredTopic == nil)
		}
		last[of] = a
	}
}

// keeps reports whether observers saw an owner keep its partition in an interval.
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
