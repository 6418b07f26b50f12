package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// reference judges a history by the definitions, with sets and loops over all
// events, and shares nothing with the checks: for each check it names the
// position of every anomaly, in any order.
func reference(h *history) map[string][]ledger.Position {
	r := &slow{h: h, facts: h.facts, events: h.sorted(), found: map[string][]ledger.Position{}}
	r.split()
	r.ends()
	r.commits()
	r.orders()
	r.duplicates()
	return r.found
}

// slow is a history taken apart.
type slow struct {
	h       *history
	facts   *Facts
	events  []ledger.Event
	effects []ledger.Event // of records that lie where they say, in the order of their ends
	firsts  []ledger.Event // of those, the first of each record
	found   map[string][]ledger.Position
}

func (r *slow) add(check string, at ledger.Position) { r.found[check] = append(r.found[check], at) }

// holds reports whether the record of an event lies where it says.
func (r *slow) holds(e *ledger.Event) bool {
	id, landed := r.h.ids[e.Position()]
	return landed && id == [2]uint32{e.Key, e.Seq}
}

func (r *slow) split() {
	seen := map[ledger.Position]bool{}
	for _, e := range r.events {
		switch {
		case e.Edge == ledger.EdgeAcked && e.Outcome == ledger.OutcomeAcked && !r.holds(&e):
			r.add("lost by broker", e.Position())
		case !isEffect(&e):
		case !r.holds(&e):
			r.add("phantom", e.Position())
		default:
			r.effects = append(r.effects, e)
			if !seen[e.Position()] {
				r.firsts = append(r.firsts, e)
			}
			seen[e.Position()] = true
		}
	}
}

// finished reports whether the record at a position had an effect by a time.
func (r *slow) finished(p ledger.Position, by time.Duration) bool {
	return slices.ContainsFunc(r.effects, func(e ledger.Event) bool { return e.Position() == p && e.At <= by })
}

// ends: landed and never finished is lost below the final commit; else it stalled
// or was too much.
func (r *slow) ends() {
	last := time.Duration(0)
	for _, e := range r.firsts {
		if e.At <= r.facts.DrainEnd {
			last = max(last, e.At)
		}
	}
	for p := range r.h.ids {
		switch {
		case r.finished(p, 1<<62):
		case p.Offset < r.facts.finalAt(p):
			r.add("loss", p)
		case r.facts.DrainEnd-last > r.facts.Session+2*r.facts.Commit+2*time.Second:
			r.add("stall", p)
		default:
			r.add("overload", p)
		}
	}
}

// commits: what a commit is the first to cover must have been finished.
func (r *slow) commits() {
	covered := map[ledger.Position]bool{}
	for _, c := range r.events {
		if c.Edge != ledger.EdgeCommit || c.Outcome != ledger.OutcomeConfirmed || c.OwnGroup() {
			continue
		}
		for p := range r.h.ids {
			if p.Topic == c.Topic && p.Partition == c.Partition && p.Offset < c.Offset && !covered[p] {
				if covered[p] = true; !r.finished(p, c.At) {
					r.add("loss pending", p)
				}
			}
		}
	}
}

// orders: of first effects, none may come after one of a later record of its key or
// its partition; of attempts, no two of a key at once.
func (r *slow) orders() {
	for i, e := range r.firsts {
		ahead := func(same func(ledger.Event) bool) bool {
			return slices.ContainsFunc(r.firsts[:i], func(o ledger.Event) bool { return same(o) && o.Offset > e.Offset })
		}
		if ahead(func(o ledger.Event) bool { return o.Key == e.Key }) {
			r.add(map[bool]string{true: "retry overtaking", false: "inversion"}[r.failedFirst(e)], e.Position())
		}
		if ahead(func(o ledger.Event) bool { return o.Partition == e.Partition }) {
			r.add("order by partition", e.Position())
		}
	}
	last := map[uint32]int64{}
	seen := map[ledger.Position]bool{}
	for _, e := range r.effects {
		if seen[e.Position()] && e.Offset < last[e.Key] {
			r.add("regression", e.Position())
		}
		seen[e.Position()], last[e.Key] = true, e.Offset
	}
	for i, e := range r.events {
		open := 0
		for _, o := range r.events[:i] {
			if o.Key == e.Key && r.holds(&o) {
				open += map[ledger.Edge]int{ledger.EdgeStart: 1, ledger.EdgeEnd: -1}[o.Edge]
			}
		}
		if e.Edge == ledger.EdgeStart && r.holds(&e) && open > 0 {
			r.add("overlap", e.Position())
		}
	}
}

// failedFirst reports whether a record had a failed attempt before any later record of
// its key had an effect.
func (r *slow) failedFirst(e ledger.Event) bool {
	for _, o := range r.events {
		switch {
		case o.Edge != ledger.EdgeEnd || o.Key != e.Key || !r.holds(&o):
		case o.Position() == e.Position() && o.Outcome == ledger.OutcomeError:
			return true
		case o.Outcome == ledger.OutcomeEffect && o.Offset > e.Offset:
			return false
		}
	}
	return false
}

// stay is the time in which a member has a partition and does not go back.
type stay struct {
	ledger.Event
	base  int64 // the least commit from which it may have begun
	begun bool
	gone  bool
}

// stays are those of a partition.
func (r *slow) stays(partition int32) (list []stay) {
	committed := int64(0)
	for _, e := range r.events {
		if e.Topic != 0 || e.Partition != partition || e.OwnGroup() {
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
			if mine { // it is the same member under the same generation still
				s.Member, s.Generation = last.Member, last.Generation
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

// duplicates: as many effects of a record are explained as can be dealt out to
// stays of their owners, one each, of which all but the first begin at or below it.
func (r *slow) duplicates() {
	for p := range r.h.ids {
		stays := r.stays(p.Partition)
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
