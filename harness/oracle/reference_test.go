package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// expected is what a reference expects of each check: a position for each anomaly. The
// check must find those of must, and may find no others than those of may. Where the
// observations tell all, both are the same.
type expected struct{ must, may map[string][]ledger.Position }

// reference judges a simulated run with sets and loops over all events, by simple
// definitions, and shares nothing with the checks. What depends on who had a
// partition, and what was read or delivered twice, it decides by the [trace]: the files
// truth_*_test.go. For all else the history is the truth.
type reference struct {
	w        *world
	h        *history
	facts    *Facts
	blind    bool // blind: no acknowledgement of a share group is seen
	events   []ledger.Event
	attempts map[attemptEvent]*attempt
	effects  []ledger.Event                // of records that lie where they say, in the order of their ends
	firsts   []ledger.Event                // of those, the first of each record
	copies   []ledger.Event                // in topics with custody, of records that lie there, in the order of their appends
	ranges   []ledger.Event                // set aside
	zombies  map[*attempt]bool             // whether observers see enough to be sure
	origin   map[[2]uint32]ledger.Position // where a record first lay in the source
	copied   map[[2]uint32]bool
	expected expected
	longest  time.Duration // that a key waited
}

// expect judges a run.
func (w *world) expect() *reference {
	r := newReference(w, w.history())
	r.judge()
	return r
}

func newReference(w *world, h *history) *reference {
	return &reference{
		w: w, h: h, facts: h.facts, events: slices.Clone(h.sorted()), attempts: w.eventsOf(), zombies: map[*attempt]bool{},
		origin: map[[2]uint32]ledger.Position{}, copied: map[[2]uint32]bool{},
		expected: expected{map[string][]ledger.Position{}, map[string][]ledger.Position{}},
	}
}

func (r *reference) judge() {
	r.outputs()
	r.split()
	r.log()
	r.atomic()
	r.ends()
	r.disturbed()
	r.covers()
	r.stalledCommits()
	r.letter()
	r.strayWork()
	r.orders()
	r.reversed()
	r.together()
	r.slowed()
	r.redeliveries()
	r.deliveries()
	r.commits()
}

// add expects an anomaly that the observations show.
func (r *reference) add(check string, at ledger.Position) { r.perhaps(check, at, true) }

// perhaps expects an anomaly. Unless it is sure, observers do not see enough of it, and the
// check may give the benefit of the doubt.
func (r *reference) perhaps(check string, at ledger.Position, sure bool) {
	r.expected.may[check] = append(r.expected.may[check], at)
	if sure {
		r.expected.must[check] = append(r.expected.must[check], at)
	}
}

// holds reports whether the record of an event lies where it says, and came from
// the source.
func (r *reference) holds(e *ledger.Event) bool {
	id, landed := r.h.ids[e.Position()]
	_, known := r.origin[id]
	return landed && id == [2]uint32{e.Key, e.Seq} && known
}

// outputs makes effects of the output, and none of the work, where effects are output.
func (r *reference) outputs() {
	for i := range r.events {
		switch e := &r.events[i]; {
		case r.facts.Effect != harness.EffectOutput:
		case isEffect(e):
			e.Outcome = ledger.OutcomeComputed
		case e.Kind == ledger.EventCopied && r.facts.isOutput(e):
			e.Kind, e.Outcome, e.Start = ledger.EventEnd, ledger.OutcomeEffect, e.At
		}
	}
}

// atomic: output and commits are in transactions, and no output is without its commit.
func (r *reference) atomic() {
	for _, e := range r.events {
		commit := e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && (e.Topic == 0 && !e.OwnGroup() || r.facts.roleOf(e.Topic).TakesOver())
		if r.facts.Effect == harness.EffectOutput && e.Flags&ledger.FlagTransactional == 0 && (commit || isEffect(&e)) {
			r.add(CheckTransactionAtomicity, e.Position())
		}
	}
	for p := range r.h.ids {
		if r.facts.Effect == harness.EffectOutput && p.Topic == 0 && p.Offset >= r.facts.finalCommitAt(p) && r.effective(p, never) {
			r.add(CheckTransactionAtomicity, p)
		}
	}
}

func (r *reference) split() {
	for at, id := range r.h.ids {
		if first, ok := r.origin[id]; at.Topic == 0 && (!ok || at.Offset < first.Offset) {
			r.origin[id] = at
		}
	}
	seen := map[ledger.Position]bool{}
	for _, e := range r.events {
		role := r.facts.roleOf(e.Topic)
		if e.Flags&ledger.FlagCorrupt != 0 && (e.Kind == ledger.EventStart || e.Kind == ledger.EventCopied || e.Kind == ledger.EventDeferred || isEffect(&e) && r.facts.isOutput(&e)) {
			r.add(CheckCorruption, e.Position())
		}
		switch {
		case e.Kind == ledger.EventAcked && e.Outcome == ledger.OutcomeAcked && !r.holds(&e):
			r.add(CheckLostByBroker, e.Position())
		case e.Kind == ledger.EventDeferred && e.Flags&ledger.FlagCorrupt == 0:
			r.ranges = append(r.ranges, e)
		case !isEffect(&e) && e.Kind != ledger.EventCopied:
		case !r.holds(&e):
			if e.Flags&ledger.FlagCorrupt == 0 {
				r.add(CheckPhantom, e.Position())
			}
		case isEffect(&e):
			r.effects = append(r.effects, e)
			if r.facts.isOutput(&e) {
				r.copied[[2]uint32{e.Key, e.Seq}] = true
			}
			if at := r.record(e.Position()); !seen[at] {
				seen[at] = true
				r.firsts = append(r.firsts, e)
			}
		case role.TakesOver():
			r.copies = append(r.copies, e)
			r.copied[[2]uint32{e.Key, e.Seq}] = true
		}
	}
}

// record is the position in the source that stands for the record at a position:
// each of its own, but for a record with copies, which is one.
func (r *reference) record(p ledger.Position) ledger.Position {
	id := r.h.ids[p]
	if at, ok := r.origin[id]; ok && (p.Topic > 0 || r.copied[id]) {
		return at
	}
	return p
}

// log: of the records of a key, none may lie twice or behind a later one.
func (r *reference) log() {
	seen, highest := map[[2]uint32]bool{}, map[uint32]uint32{}
	for _, p := range sortedPositions(r.h.ids) {
		id := r.h.ids[p]
		switch {
		case p.Topic > 0:
			continue
		case seen[id]:
			r.add(CheckLogDuplicate, p)
		case id[1] < highest[id[0]]:
			r.add(CheckLogOrder, p)
		}
		seen[id], highest[id[0]] = true, max(highest[id[0]], id[1])
	}
}

// effective reports whether the record at a position had an effect anywhere by a time.
func (r *reference) effective(p ledger.Position, by time.Duration) bool {
	return slices.ContainsFunc(r.effects, func(e ledger.Event) bool {
		return (e.Position() == p || r.record(e.Position()) == r.record(p)) && e.At <= by
	})
}

// copiesOf are the copies of the record at a position.
func (r *reference) copiesOf(p ledger.Position, by time.Duration) (list []ledger.Event) {
	for _, c := range r.copies {
		if r.h.ids[c.Position()] == r.h.ids[p] && c.At <= by {
			list = append(list, c)
		}
	}
	return list
}

// aside reports whether a range holds a position.
func (r *reference) aside(p ledger.Position, by time.Duration) bool {
	return slices.ContainsFunc(r.ranges, func(e ledger.Event) bool {
		return p.Topic == 0 && p.Partition == e.Partition && e.Offset <= p.Offset && p.Offset < e.To && e.At <= by
	})
}

// ends: a record that was not finished by effect or dead letter is lost if commits
// are past it wherever it lies; else it stalled or was too much.
func (r *reference) ends() {
	last := time.Duration(0)
	for _, e := range slices.Concat(r.firsts, r.copies) {
		if e.At <= r.facts.DrainEnd && (isEffect(&e) || r.facts.roleOf(e.Topic) == harness.RoleDeadLetter) {
			last = max(last, e.At)
		}
	}
	for p := range r.h.ids {
		lost, dead := p.Offset < r.facts.finalCommitAt(p) || r.given(p), false
		for _, a := range r.ranges {
			lost = lost && !(r.asideBy(&a, p) && (a.RangeAt().Offset < 0 || a.RangeAt().Offset >= r.facts.finalCommitAt(a.RangeAt())))
		}
		for _, c := range r.copiesOf(p, never) {
			dead = dead || r.facts.roleOf(c.Topic) == harness.RoleDeadLetter
			lost = lost && c.Offset < r.facts.finalCommitAt(c.Position())
		}
		switch {
		case p.Topic > 0 || dead || r.effective(p, never):
		case lost:
			r.add(CheckLoss, p)
		case r.facts.DrainEnd-last > r.facts.Session+2*r.facts.Commit+2*time.Second:
			r.add(CheckStall, p)
		default:
			r.add(CheckOverload, p)
		}
	}
}

// letter: a dead letter needs work on its record that failed before, at any place, or
// hardly later, since the broker's time is not exact: as often as declared, or once for
// good, or work that was cancelled where that is declared.
func (r *reference) letter() {
	for _, c := range r.copies {
		if r.facts.roleOf(c.Topic) != harness.RoleDeadLetter {
			continue
		}
		failed, founded := 0, false
		for _, e := range r.events {
			if e.Kind != ledger.EventEnd || !r.holds(&e) || r.record(e.Position()) != r.record(c.Position()) || e.At > c.At+10*time.Millisecond {
				continue
			}
			switch e.Outcome {
			case ledger.OutcomeError:
				failed++
			case ledger.OutcomePoison:
				founded = true
			case ledger.OutcomeCancelled:
				founded = founded || r.facts.DeadLetters.Cancelled
			}
		}
		if !founded && failed < max(1, r.facts.DeadLetters.Attempts) {
			r.add(CheckPrematureDeadLetter, c.Position())
		}
	}
}

// failed reports whether an attempt ended in error.
func failed(o ledger.Outcome) bool { return o == ledger.OutcomeError || o == ledger.OutcomePoison }

// covers: what a commit is the first to cover must have been finished, copied
// or set aside.
func (r *reference) covers() {
	covered := map[ledger.Position]bool{}
	for _, c := range r.events {
		role := r.facts.roleOf(c.Topic)
		if c.Kind == ledger.EventAcknowledged && c.Outcome != ledger.OutcomeFailed && c.Count != ledger.AckRelease && c.Count != ledger.AckRenew &&
			!r.effective(c.Position(), c.At) { // the commit of a share group
			r.add(CheckPrematureCommit, c.Position())
		}
		if c.Kind == ledger.EventCommit && c.Outcome == ledger.OutcomeConfirmed && role == harness.RoleRanges {
			r.coversRanges(&c, covered)
		}
		if c.Kind != ledger.EventCommit || c.Outcome != ledger.OutcomeConfirmed || c.Topic == 0 && c.OwnGroup() ||
			c.Topic > 0 && (!role.TakesOver() || role == harness.RoleDeadLetter) {
			continue
		}
		r.past(&c)
		for p := range r.h.ids {
			if p.Topic != c.Topic || p.Partition != c.Partition || p.Offset >= c.Offset || covered[p] {
				continue
			}
			covered[p] = true
			safe := r.effective(p, c.At) || r.aside(p, c.At)
			this := time.Duration(-1) // when this copy was appended
			for _, o := range r.copiesOf(p, c.At) {
				if o.Position() == p {
					this = o.At
				}
			}
			for _, o := range r.copiesOf(p, c.At) {
				safe = safe || o.Position() != p && o.At >= this
			}
			if !safe && (p.Topic == 0 || this >= 0) {
				r.add(CheckPrematureCommit, p)
			}
		}
	}
}

// past: a commit of the source covers no more than there is; each that goes further past it counts.
func (r *reference) past(c *ledger.Event) {
	end := ledger.Position{Partition: c.Partition}
	for p := range r.h.ids {
		if p.Topic == 0 && p.Partition == c.Partition {
			end.Offset = max(end.Offset, p.Offset+1)
		}
	}
	before := slices.ContainsFunc(r.events, func(o ledger.Event) bool {
		return o.Kind == ledger.EventCommit && o.Outcome == ledger.OutcomeConfirmed && o.Topic == 0 && !o.OwnGroup() &&
			o.Partition == c.Partition && o.Offset >= c.Offset && o.At < c.At
	})
	if c.Topic == 0 && c.Offset > end.Offset && !before {
		r.add(CheckPrematureCommit, end)
	}
}

// coversRanges: what is set aside by a range that a commit is the first to cover must
// have been finished, copied, or set aside by another range that is not covered.
func (r *reference) coversRanges(c *ledger.Event, covered map[ledger.Position]bool) {
	for _, a := range r.ranges {
		if at := a.RangeAt(); at.Offset >= 0 && at.Topic == c.Topic && at.Partition == c.Partition && at.Offset < c.Offset && a.At <= c.At && !covered[at] {
			covered[at] = true
			for p := range r.h.ids {
				safe := !r.asideBy(&a, p) || r.effective(p, c.At) || len(r.copiesOf(p, c.At)) > 0
				for _, o := range r.ranges {
					safe = safe || r.asideBy(&o, p) && o.At <= c.At && !covered[o.RangeAt()] && !(o.RangeAt().Partition == c.Partition && o.RangeAt().Offset < c.Offset)
				}
				if !safe {
					r.add(CheckPrematureCommit, p)
				}
			}
		}
	}
}

// rank is the place of an event's record in the order of its key and its partition.
func (r *reference) rank(e *ledger.Event) int64 {
	if e.Topic > 0 {
		return r.origin[[2]uint32{e.Key, e.Seq}].Offset
	}
	return e.Offset
}

// orders: of first effects, none may come after one of a later record of its key,
// which is a retry overtaking if it had failed before, or of its partition; no effect
// should step back; no two attempts of a key, or of a partition where that is the order
// that is claimed, may be under way at once, but in one call. Work that
// nobody could know to be fenced off is left out.
func (r *reference) orders() {
	var fenced []ledger.Event
	open := []ledger.Event{}
	last := map[uint32]int{} // the place of the latest effect of each key
	for i, e := range r.events {
		if e.Kind != ledger.EventStart && e.Kind != ledger.EventEnd || !r.holds(&e) {
			continue
		}
		at := e.Position()
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
			same := func(o ledger.Event) bool { return o.Key == e.Key }
			if slices.ContainsFunc(open, func(o ledger.Event) bool {
				beside := same(o) || r.facts.Order == harness.OrderPartition && r.record(o.Position()).Partition == r.record(at).Partition
				return beside && !r.unfenced(&o, e.At) && !(o.Owner == e.Owner && o.Call() > 0 && o.Call() == e.Call())
			}) {
				r.add(CheckOverlap, at)
			}
			if !slices.ContainsFunc(open, same) && e.Topic == 0 {
				wait := r.waited(i)
				r.longest = max(r.longest, wait)
				if wait > cmp.Or(r.facts.Thresholds.StarvedAfter, 5*time.Second) {
					r.add(CheckStarvation, at)
				}
			}
			open = append(open, e)
			continue
		}
		if fenced = append(fenced, e); !isEffect(&e) {
			continue
		}
		if before, ok := last[e.Key]; ok && !isFirst && r.rank(&e) < r.rank(&r.events[before]) {
			r.add(CheckRedeliveryOutOfOrder, at)
		}
		last[e.Key] = i
		ahead := func(o ledger.Event) bool { return slices.Contains(r.firsts, o) && r.rank(&o) > r.rank(&e) }
		sameKey := func(o ledger.Event) bool { return o.Key == e.Key && ahead(o) }
		if i := slices.IndexFunc(fenced, sameKey); isFirst && i >= 0 {
			letter := time.Duration(0) // a dead letter makes an end of the retries before it
			for _, c := range r.copiesOf(at, e.At) {
				if r.facts.roleOf(c.Topic) == harness.RoleDeadLetter {
					letter = c.At
				}
			}
			failed := slices.ContainsFunc(fenced[:i], func(o ledger.Event) bool {
				return failed(o.Outcome) && o.Key == e.Key && o.Seq == e.Seq && o.At >= letter
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

// together: of the attempts of an incarnation that are open for a time, no more may be
// open at once than declared.
func (r *reference) together() {
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
			calls := map[uint32]bool{} // those of one call are one
			of := slices.DeleteFunc(slices.Clone(open), func(o ledger.Event) bool {
				again := o.Call() > 0 && calls[o.Call()]
				if o.Owner == e.Owner {
					calls[o.Call()] = true
				}
				return o.Owner != e.Owner || again
			})
			first := e.Call() == 0 || !slices.ContainsFunc(open[:len(open)-1], func(o ledger.Event) bool { return o.Owner == e.Owner && o.Call() == e.Call() })
			if first && len(of) > r.facts.Parallelism {
				r.add(CheckExcessParallelism, e.Position())
			}
		}
	}
}

// waited is how long the key of an attempt has waited, while records 16 offsets
// behind it and more were worked on.
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
			if o.Key == e.Key && !r.facts.isOutput(&o) {
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

// slowed: of the records of keys that are no aggressors, one in a hundred may take longer
// than the limit.
func (r *reference) slowed() {
	others, late := 0, []ledger.Position{}
	for _, e := range r.firsts {
		if !slices.Contains(r.facts.Aggressors, e.Key) {
			if others++; e.At-e.Due > cmp.Or(r.facts.Thresholds.OthersP99, time.Second) {
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

// asideBy reports whether a range holds the record at a position of the source.
func (r *reference) asideBy(a *ledger.Event, p ledger.Position) bool {
	return a.Flags&ledger.FlagCorrupt == 0 && p.Topic == 0 && a.Partition == p.Partition && a.Offset <= p.Offset && p.Offset < a.To
}
