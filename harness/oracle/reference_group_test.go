package oracle

import (
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// stay is the time in which a member has a partition and does not go back.
type stay struct {
	ledger.Event
	base   int64 // the least commit from which it may have begun
	begun  bool
	gone   bool
	unseen bool // nobody saw it begin
	looked time.Duration
}

// stays are those of a partition, as seen before an event.
func (r *slow) stays(p ledger.Position, before int) (list []stay) {
	committed := int64(0)
	for i, e := range r.events[:before] {
		if e.Kind == ledger.EventStart && r.setAsideIn(p.Topic, i) { // who works on a range has read it
			begin(list, e.Owner)
		}
		var last *stay
		if len(list) > 0 {
			last = &list[len(list)-1]
		}
		if last != nil && e.Kind == ledger.EventDeferred && e.Flags&ledger.FlagCorrupt == 0 && p.Topic == 0 && e.Partition == p.Partition {
			last.begun = true // what it sets aside it has read
		}
		if e.Kind == ledger.EventDeferred || e.Topic != p.Topic || e.Partition != p.Partition || e.Topic == 0 && e.OwnGroup() {
			continue
		}
		mine := last != nil && last.Owner == e.Owner
		s := stay{Event: e, base: committed}
		switch e.Kind {
		case ledger.EventOwned:
			kept := mine && last.Member == e.Member && !last.gone && (r.facts.Protocol != harness.Eager || last.Generation == e.Generation)
			if kept {
				last.Generation, last.looked = e.Generation, max(last.looked, e.Seen)
				continue
			}
			s.looked = e.Seen
			list = append(list, s)
		case ledger.EventReleased:
			if mine {
				last.gone = true
			}
		case ledger.EventRewound:
			if s.Seen = e.At; e.Offset >= 0 {
				s.base = e.Offset
			}
			within := mine && e.At <= last.Seen
			if mine && e.At > last.looked && last.begun && e.Offset < 0 && r.calm(i) {
				continue // it had no reason to
			}
			for _, before := range list { // it is the same member under the same generation still
				if before.Owner == e.Owner {
					s.Member, s.Generation = before.Member, before.Generation
				}
			}
			switch {
			case within: // the rewind of that acquisition: now it is known when it was
				last.base, last.At, last.Seen, last.begun = min(last.base, s.base), e.At, e.At, false
			case mine && !last.begun:
				last.base = min(last.base, s.base)
			default:
				list = append(list, s)
			}
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				if committed = e.Offset; last != nil && !last.begun {
					last.base = min(last.base, committed)
				}
			}
		case ledger.EventStart:
			if r.aside(e.Position(), e.At) {
				continue // it is worked on for the range
			}
			own := slices.IndexFunc(list, func(s stay) bool { return s.Owner == e.Owner })
			if own < 0 && last != nil && !last.unseen && !last.gone && last.Seen <= e.At && !slices.ContainsFunc(r.events[:i], func(d ledger.Event) bool {
				return d.Kind == ledger.EventDown && d.Owner == last.Owner
			}) {
				continue // it is another's, surely
			}
			if own < 0 {
				s.begun, s.Seen, s.unseen = true, e.At, true
				list = append(list, s)
			}
			begin(list, e.Owner)
		}
	}
	return list
}

// begin notes that an owner has begun under its latest stay.
func begin(list []stay, o ledger.Owner) {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Owner == o {
			list[i].begun = true
			return
		}
	}
}

// calm reports whether nothing had happened by an event that makes a member read the
// commit again.
func (r *slow) calm(before int) bool {
	return !slices.ContainsFunc(r.events[:before], func(e ledger.Event) bool {
		return e.Kind == ledger.EventInject || e.Kind == ledger.EventDown || e.Kind == ledger.EventExpelled
	})
}

// duplicates: as many effects of a position are explained as can be dealt out to
// stays of their owners, one each, of which all but the first begin at or below it.
func (r *slow) duplicates() {
	if r.facts.Share {
		r.shared()
		return
	}
	for p := range r.h.ids {
		stays := r.stays(p, len(r.events))
		var may [][]int
		dealt := 0
		for i, e := range r.events {
			if !isEffect(&e) || !r.holds(&e) || e.Position() != p {
				continue
			}
			may = append(may, r.under(stays, i))
			before := dealt
			dealt = deal(may, map[int]bool{}, func(used map[int]bool) bool {
				first := true
				for i := range stays {
					if used[i] && !first && stays[i].base > p.Offset {
						return false
					}
					first = first && !used[i]
				}
				return true
			})
			if len(may) > 1 {
				nobodys := len(may) == 2 && len(may[0]) == 0 // and one of the two is right
				r.add(map[bool]string{true: CheckRedelivery, false: CheckUnexplainedDuplicate}[dealt > before && !nobodys || r.takenUp(i)], p)
			}
		}
	}
	for i, e := range r.events {
		if isEffect(&e) && r.holds(&e) {
			r.places(i)
		}
		if e.Kind == ledger.EventCopied && r.holds(&e) && r.facts.role(e.Topic) == harness.RoleDeadLetter {
			ends, rewinds := r.way(i)
			if ends+len(r.letters(i)) >= 2 && ends+len(r.letters(i))-1 > rewinds {
				r.add(CheckConflictingOutcomes, e.Position())
			}
		}
	}
}

// asideUnder are the stays in which ranges with a position were set aside.
func (r *slow) asideUnder(p ledger.Position, stays []stay, before int) (list []int) {
	for _, a := range r.events[:before] {
		if a.Kind == ledger.EventDeferred && r.asideBy(&a, p) {
			from := 0
			for i, s := range stays {
				if s.Seen <= a.At {
					from = i
				}
			}
			for i := from; i < len(stays); i++ {
				if stays[i].At <= a.At {
					list = append(list, i)
				}
			}
		}
	}
	return list
}

// setAsideIn reports whether the record of an event was set aside in a topic by then.
func (r *slow) setAsideIn(topic uint16, i int) bool {
	return topic > 0 && r.facts.role(topic) == harness.RoleRanges && slices.ContainsFunc(r.events[:i], func(a ledger.Event) bool {
		return a.Kind == ledger.EventDeferred && a.Key == uint32(topic) && r.asideBy(&a, r.events[i].Position())
	})
}

func (r *slow) asideBy(a *ledger.Event, p ledger.Position) bool {
	return a.Flags&ledger.FlagCorrupt == 0 && p.Topic == 0 && a.Partition == p.Partition && a.Offset <= p.Offset && p.Offset < a.To
}

// takenUp reports whether an effect is of a record set aside, and since then some
// incarnation ended or the ranges were begun anew, or that one who could not know of its
// expulsion may have set aside.
func (r *slow) takenUp(i int) bool {
	p := r.events[i].Position()
	for _, a := range r.events[:i] {
		if a.Kind != ledger.EventDeferred || !r.asideBy(&a, p) {
			continue
		}
		if r.belated(p, i, a.At) {
			return true
		}
		down := func(e ledger.Event) bool { return e.Kind == ledger.EventDown && e.At >= a.At }
		if slices.ContainsFunc(r.events[:i], down) {
			return true
		}
		for n := range r.facts.Sides[a.Key-1].Partitions {
			if r.rewound(ledger.Position{Topic: uint16(a.Key), Partition: int32(n), Offset: math.MaxInt64}, i, a.At) {
				return true
			}
		}
	}
	return false
}

// rewound reports whether the partition of a position was begun anew, at it or
// below, at a time or later.
func (r *slow) rewound(p ledger.Position, before int, since time.Duration) bool {
	for n, s := range r.stays(p, before) {
		if n > 0 && s.Seen >= since && s.base <= p.Offset {
			return true
		}
	}
	return false
}

// letters are the dead letters of an event's record by then.
func (r *slow) letters(i int) (list []ledger.Event) {
	for _, c := range r.copiesOf(r.events[i].Position(), r.events[i].At) {
		if r.facts.role(c.Topic) == harness.RoleDeadLetter {
			list = append(list, c)
		}
	}
	return list
}

// places judges the first effect at a position, of a record that ended elsewhere.
func (r *slow) places(i int) {
	e := r.events[i]
	for _, o := range r.events[:i] {
		if isEffect(&o) && o.Position() == e.Position() && r.holds(&o) {
			return
		}
	}
	if !r.copied[[2]uint32{e.Key, e.Seq}] {
		return
	}
	if r.facts.isOutput(&e) {
		if !r.isFirst(i) {
			may := r.facts.Delivery != harness.ExactlyOnce && !r.calm(i)
			r.add(map[bool]string{true: CheckRedelivery, false: CheckUnexplainedDuplicate}[may], e.Position())
		}
		return
	}
	ends, rewinds := r.way(i)
	if !r.isFirst(i) {
		r.add(map[bool]string{true: CheckRedelivery, false: CheckUnexplainedDuplicate}[max(2, ends)-1 <= rewinds], e.Position())
	}
	if n := len(r.letters(i)); n > 0 && ends+n >= 2 && ends+n-1 > rewinds {
		r.add(CheckConflictingOutcomes, e.Position())
	}
}

// isFirst reports whether no effect of the record came before.
func (r *slow) isFirst(i int) bool {
	return !slices.ContainsFunc(r.events[:i], func(o ledger.Event) bool {
		return isEffect(&o) && r.holds(&o) && r.record(o.Position()) == r.record(r.events[i].Position())
	})
}

// way counts the positions of a record with an effect by then, and the rewinds that
// lead back to where it was finished: at each position by its latest effect, or by the append of the next copy.
func (r *slow) way(i int) (ends, rewinds int) {
	e := r.events[i]
	places := []ledger.Position{r.record(e.Position())}
	left := []time.Duration{}
	for _, c := range r.copies {
		if [2]uint32{c.Key, c.Seq} == [2]uint32{e.Key, e.Seq} && slices.ContainsFunc(r.events[:i+1], func(o ledger.Event) bool {
			return o.Kind == ledger.EventCopied && o.Position() == c.Position()
		}) {
			places, left = append(places, c.Position()), append(left, c.At)
		}
	}
	for n := range left { // a copy that one may have made who did not know that he had lost where it was before
		if slices.ContainsFunc(places[:n+1], func(p ledger.Position) bool { return r.belated(p, i, left[n]) }) {
			rewinds++
		}
	}
	for n, p := range places {
		stays := r.stays(p, i)
		first, latest := len(stays), -1
		if n < len(left) {
			if k := slices.IndexFunc(stays, func(s stay) bool { return s.Seen >= left[n] }); k >= 0 {
				first = k
			}
		}
		for k, o := range r.events[:i+1] {
			if isEffect(&o) && r.holds(&o) && o.Position() == p {
				if latest = len(r.stays(p, k)); len(r.under(stays, k)) > 0 {
					latest = 1 + slices.Min(r.under(stays, k))
				}
			}
		}
		if latest >= 0 {
			ends++
			first = min(first, latest)
		}
		for k := max(1, first); k < len(stays); k++ {
			if stays[k].base <= p.Offset {
				rewinds++
			}
		}
	}
	return ends, rewinds
}

// under are the stays under which an attempt may have begun: the last of its owner
// that had surely begun, and those seen as intervals that may have. If its record had
// been set aside it is those in which it was, too.
func (r *slow) under(stays []stay, event int) (list []int) {
	e := &r.events[event]
	if slices.ContainsFunc(r.zombies, func(z ledger.Event) bool {
		return z.Position() == e.Position() && z.Owner == e.Owner && z.Start == e.Start
	}) {
		return nil
	}
	if aside := r.asideUnder(e.Position(), stays, event); len(aside) > 0 {
		return append(ownedUnder(stays, e), aside...)
	}
	return ownedUnder(stays, e)
}

func ownedUnder(stays []stay, e *ledger.Event) (list []int) {
	for i, s := range stays {
		if s.Owner != e.Owner || s.At > e.Start {
			continue
		}
		if s.Seen <= e.Start {
			list = nil
		}
		list = append(list, i)
	}
	if i := slices.IndexFunc(stays, func(s stay) bool { return s.Owner == e.Owner }); len(list) == 0 && i >= 0 { // begun before any was seen: the first
		list = append(list, i)
	}
	return list
}

// deal is the most effects that can have a stay each.
func deal(may [][]int, used map[int]bool, fits func(map[int]bool) bool) int {
	if len(may) == 0 {
		if fits(used) {
			return len(used)
		}
		return 0
	}
	best := deal(may[1:], used, fits)
	for _, i := range may[0] {
		if !used[i] {
			used[i] = true
			best = max(best, deal(may[1:], used, fits))
			delete(used, i)
		}
	}
	return best
}

// regressions: no commit of a group may lie below the one before, and none should
// come from a member that had surely lost the partition.
func (r *slow) regressions() {
	type part struct {
		group     uint32
		topic     uint16
		partition int32
	}
	committed := map[part]int64{}
	for i, e := range r.events {
		k, at := part{e.Key, e.Topic, e.Partition}, e.Position()
		at.Offset = max(0, e.Offset-1)
		switch {
		case e.Kind == ledger.EventRewound && e.Offset >= 0:
			committed[k] = min(committed[k], e.Offset)
		case e.Kind != ledger.EventCommit || e.Outcome != ledger.OutcomeConfirmed:
			continue
		case e.Offset < committed[k]:
			r.add(CheckCommitRegression, at)
		case e.Owner != 0 && (e.Topic > 0 || !e.OwnGroup()):
			if held := holdOf(r.held(at, i), e.Owner, e.At); held != nil && held.lost && held.until < e.At {
				r.add(CheckCommitAfterRevoke, at)
			}
		}
		if e.Kind == ledger.EventCommit {
			committed[k] = e.Offset
		}
	}
}

// hold is a member's time with a partition, as far as it was seen.
type hold struct {
	owner       ledger.Owner
	group       uint32
	from, until time.Duration
	lost        bool
	by          *ledger.Event // the expulsion that ended it
}

// held are those of a partition, as seen before an event.
func (r *slow) held(p ledger.Position, before int) (list []hold) {
	for i := range r.events[:before] {
		e := &r.events[i]
		here := e.Topic == p.Topic && e.Partition == p.Partition && (e.Topic > 0 || !e.OwnGroup())
		switch last := holdOf(list, e.Owner, never); {
		case e.Kind == ledger.EventReleased && here && last != nil && !last.lost:
			last.lost, last.until = true, e.Seen
		case e.Kind == ledger.EventExpelled:
			if last = holdOf(list, e.Owner, e.At, e.Key); last != nil && (!last.lost || last.until >= e.At) {
				if last.by == nil {
					last.by = e
				}
				if !last.lost {
					last.lost, last.until = true, e.Seen
				}
			}
		case e.Kind == ledger.EventOwned && here:
			if n := len(list); n > 0 && !list[n-1].lost {
				if list[n-1].owner == e.Owner {
					continue
				}
				list[n-1].lost, list[n-1].until = true, e.Seen
			}
			list = append(list, hold{owner: e.Owner, group: e.Key, from: e.At})
		}
	}
	return list
}

// holdOf is the last hold of an owner that began by a time.
func holdOf(list []hold, o ledger.Owner, by time.Duration, groups ...uint32) *hold {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].owner == o && list[i].from <= by && (len(groups) == 0 || slices.Contains(groups, list[i].group)) {
			return &list[i]
		}
	}
	return nil
}

// knew is when a member could have learned that it was expelled.
func (r *slow) knew(x *ledger.Event) time.Duration {
	grace, at := r.facts.Heartbeat+100*time.Millisecond, x.Seen
	for _, e := range r.events {
		if e.Kind != ledger.EventInject || e.Owner != x.Owner || e.At > at+grace {
			continue
		}
		to := never
		for _, heal := range r.events {
			if heal.Kind == ledger.EventHeal && heal.Key == e.Key && heal.At >= e.At {
				to = heal.At
				break
			}
		}
		if to >= x.At {
			at = max(at, to)
		}
	}
	return at + grace
}

// belated reports whether a member that had been expelled from a place could not know it at a time.
func (r *slow) belated(p ledger.Position, before int, when time.Duration) bool {
	return slices.ContainsFunc(r.held(p, before), func(h hold) bool { return h.by != nil && h.by.At <= when && when <= r.knew(h.by) })
}

// unfenced reports whether an attempt was, at a time, one of a member that was
// expelled and could not know it when it began.
func (r *slow) unfenced(e *ledger.Event, before int, now time.Duration) bool {
	if !slices.ContainsFunc(r.events, func(x ledger.Event) bool { return x.Kind == ledger.EventExpelled && x.Owner == e.Owner }) {
		return false
	}
	h := holdOf(r.held(e.Position(), before), e.Owner, e.Start)
	return h != nil && h.by != nil && h.by.At <= max(now, e.At) && e.Start <= r.knew(h.by)
}

// fenced: nobody may begin what another has taken over and begun.
func (r *slow) fenced() {
	for i, e := range r.events {
		if e.Kind != ledger.EventStart && e.Kind != ledger.EventEnd {
			continue
		}
		list := r.held(e.Position(), i)
		switch h := holdOf(list, e.Owner, e.Start); {
		case h == nil || !h.lost || r.aside(e.Position(), e.At):
		case h.by != nil && e.Kind == ledger.EventEnd:
			if r.unfenced(&e, i, e.At) && e.At > h.by.Seen {
				r.add(CheckUnfencedWork, e.Position())
			}
		case e.Kind == ledger.EventEnd:
		case h.by != nil:
			if e.At > r.knew(h.by) {
				r.add(CheckZombie, e.Position())
				r.zombies = append(r.zombies, e)
			}
		case h.until < e.At && r.begun(list, h, i):
			r.add(CheckZombie, e.Position())
			r.zombies = append(r.zombies, e)
		}
	}
}

// begun reports whether another owner, who got the partition since, has begun a
// record of it.
func (r *slow) begun(list []hold, since *hold, before int) bool {
	e := r.events[before]
	for _, s := range r.events[:before] {
		if s.Kind != ledger.EventStart || s.Topic != e.Topic || s.Partition != e.Partition || s.Owner == e.Owner || s.At >= e.At {
			continue
		}
		by := holdOf(list, s.Owner, s.At)
		if by != nil && by.from >= since.from && by != since && (!by.lost || by.until >= s.At) {
			return true
		}
	}
	return false
}
