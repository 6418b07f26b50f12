package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// stay is the time in which a member has a partition and does not go back.
type stay struct {
	ledger.Event
	base  int64 // the least commit from which it may have begun
	begun bool
	gone  bool
}

// stays are those of a partition, as seen before an event.
func (r *slow) stays(p ledger.Position, before int) (list []stay) {
	committed := int64(0)
	for _, e := range r.events[:before] {
		if e.Topic != p.Topic || e.Partition != p.Partition || e.Topic == 0 && e.OwnGroup() {
			continue
		}
		var last *stay
		if len(list) > 0 {
			last = &list[len(list)-1]
		}
		mine := last != nil && last.Owner == e.Owner
		s := stay{Event: e, base: committed}
		switch e.Edge {
		case ledger.EdgeOwned:
			kept := mine && last.Member == e.Member && !last.gone && (r.facts.Protocol != harness.Eager || last.Generation == e.Generation)
			if kept {
				last.Generation = e.Generation
				continue
			}
			list = append(list, s)
		case ledger.EdgeReleased:
			if mine {
				last.gone = true
			}
		case ledger.EdgeRewound:
			if s.Seen = e.At; e.Offset >= 0 {
				s.base = e.Offset
			}
			within := mine && e.At <= last.Seen
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
		case ledger.EdgeCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				if committed = e.Offset; last != nil && !last.begun {
					last.base = min(last.base, committed)
				}
			}
		case ledger.EdgeStart:
			own := slices.IndexFunc(list, func(s stay) bool { return s.Owner == e.Owner })
			if own < 0 {
				s.begun, s.Seen = true, e.At
				list = append(list, s)
			}
			for i := len(list) - 1; i >= 0; i-- {
				if list[i].Owner == e.Owner {
					list[i].begun = true
					break
				}
			}
		}
	}
	return list
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
		for _, e := range r.effects {
			if e.Position() == p {
				may = append(may, under(stays, &e))
			}
		}
		explained := deal(may, map[int]bool{}, func(used map[int]bool) bool {
			first := true
			for i := range stays {
				if used[i] && !first && stays[i].base > p.Offset {
					return false
				}
				first = first && !used[i]
			}
			return true
		})
		for i := 1; i < len(may); i++ {
			r.add(map[bool]string{true: "explained duplicate", false: "unexplained duplicate"}[i < explained], p)
		}
	}
	for i, e := range r.events {
		if isEffect(&e) && r.holds(&e) {
			r.places(i)
		}
		if e.Edge == ledger.EdgeCustody && r.holds(&e) && r.facts.role(e.Topic) == harness.RoleDeadLetter {
			ends, rewinds := r.way(i)
			if ends+len(r.letters(i)) >= 2 && ends+len(r.letters(i))-1 > rewinds {
				r.add("completeness", e.Position())
			}
		}
	}
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
			r.add("unexplained duplicate", e.Position())
		}
		return
	}
	ends, rewinds := r.way(i)
	if !r.isFirst(i) {
		r.add(map[bool]string{true: "explained duplicate", false: "unexplained duplicate"}[max(2, ends)-1 <= rewinds], e.Position())
	}
	if n := len(r.letters(i)); n > 0 && ends+n >= 2 && ends+n-1 > rewinds {
		r.add("completeness", e.Position())
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
			return o.Edge == ledger.EdgeCustody && o.Position() == c.Position()
		}) {
			places, left = append(places, c.Position()), append(left, c.At)
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
		for _, o := range r.events[:i+1] {
			if isEffect(&o) && r.holds(&o) && o.Position() == p {
				latest = 1 + under(stays, &o)[0]
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

// under are the stays under which an attempt may have begun: the last that had
// surely begun, and those seen as intervals that may have.
func under(stays []stay, e *ledger.Event) (list []int) {
	for i, s := range stays {
		if s.Owner != e.Owner || s.At > e.Start {
			continue
		}
		if s.Seen <= e.Start {
			list = nil
		}
		list = append(list, i)
	}
	if len(list) == 0 { // begun before any was seen: the first
		list = append(list, slices.IndexFunc(stays, func(s stay) bool { return s.Owner == e.Owner }))
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
		case e.Edge == ledger.EdgeRewound && e.Offset >= 0:
			committed[k] = min(committed[k], e.Offset)
		case e.Edge != ledger.EdgeCommit || e.Outcome != ledger.OutcomeConfirmed:
			continue
		case e.Offset < committed[k]:
			r.add("commit regression", at)
		case e.Owner != 0 && (e.Topic > 0 || !e.OwnGroup()):
			if held := holdOf(r.held(at, i), e.Owner, e.At); held != nil && held.lost && held.until < e.At {
				r.add("commit after revoke", at)
			}
		}
		if e.Edge == ledger.EdgeCommit {
			committed[k] = e.Offset
		}
	}
}

// hold is a member's time with a partition, as far as it was seen.
type hold struct {
	owner       ledger.Owner
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
		case e.Edge == ledger.EdgeReleased && here && last != nil && !last.lost:
			last.lost, last.until = true, e.Seen
		case e.Edge == ledger.EdgeExpelled:
			if last = holdOf(list, e.Owner, e.At); last != nil && (!last.lost || last.until >= e.At) {
				if last.by == nil {
					last.by = e
				}
				if !last.lost {
					last.lost, last.until = true, e.Seen
				}
			}
		case e.Edge == ledger.EdgeOwned && here:
			if n := len(list); n > 0 && !list[n-1].lost {
				if list[n-1].owner == e.Owner {
					continue
				}
				list[n-1].lost, list[n-1].until = true, e.Seen
			}
			list = append(list, hold{owner: e.Owner, from: e.At})
		}
	}
	return list
}

// holdOf is the last hold of an owner that began by a time.
func holdOf(list []hold, o ledger.Owner, by time.Duration) *hold {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].owner == o && list[i].from <= by {
			return &list[i]
		}
	}
	return nil
}

// knew is when a member could have learned that it was expelled.
func (r *slow) knew(x *ledger.Event) time.Duration {
	grace, at := r.facts.Heartbeat+100*time.Millisecond, x.Seen
	for _, e := range r.events {
		if e.Edge != ledger.EdgeInject || e.Owner != x.Owner || e.At > at+grace {
			continue
		}
		to := never
		for _, heal := range r.events {
			if heal.Edge == ledger.EdgeHeal && heal.Key == e.Key && heal.At >= e.At {
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

// unfenced reports whether an attempt was, at a time, one of a member that was
// expelled and could not know it when it began.
func (r *slow) unfenced(e *ledger.Event, before int, now time.Duration) bool {
	if !slices.ContainsFunc(r.events, func(x ledger.Event) bool { return x.Edge == ledger.EdgeExpelled && x.Owner == e.Owner }) {
		return false
	}
	h := holdOf(r.held(e.Position(), before), e.Owner, e.Start)
	return h != nil && h.by != nil && h.by.At <= max(now, e.At) && e.Start <= r.knew(h.by) && !r.aside(e.Position(), e.At)
}

// fenced: nobody may begin what another has taken over and begun.
func (r *slow) fenced() {
	for i, e := range r.events {
		if e.Edge != ledger.EdgeStart && e.Edge != ledger.EdgeEnd {
			continue
		}
		list := r.held(e.Position(), i)
		switch h := holdOf(list, e.Owner, e.Start); {
		case h == nil || !h.lost || r.aside(e.Position(), e.At):
		case h.by != nil && e.Edge == ledger.EdgeEnd:
			if r.unfenced(&e, i, e.At) && e.At > h.by.Seen {
				r.add("unfenced", e.Position())
			}
		case e.Edge == ledger.EdgeEnd:
		case h.by != nil:
			if e.At > r.knew(h.by) {
				r.add("zombie", e.Position())
			}
		case h.until < e.At && r.begun(list, h, i):
			r.add("zombie", e.Position())
		}
	}
}

// begun reports whether another owner, who got the partition since, has begun a
// record of it.
func (r *slow) begun(list []hold, since *hold, before int) bool {
	e := r.events[before]
	for _, s := range r.events[:before] {
		if s.Edge != ledger.EdgeStart || s.Topic != e.Topic || s.Partition != e.Partition || s.Owner == e.Owner || s.At >= e.At {
			continue
		}
		by := holdOf(list, s.Owner, s.At)
		if by != nil && by.from >= since.from && by != since && (!by.lost || by.until >= s.At) {
			return true
		}
	}
	return false
}
