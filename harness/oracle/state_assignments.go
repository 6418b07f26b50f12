package oracle

import (
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// tenures is a partition: who had it since when, what is committed, and under
// which tenure each offset had its latest effect.
type tenures struct {
	list      []tenure
	committed int64
	effects   chunks[uint8]    // by offset: index of the tenure + 1, 0 for none; see lastTenure
	unsure    map[int64][]span // all effects of the offsets where one may belong to several tenures or came late
}

type tenure struct {
	owner      ledger.Owner
	member     uint64
	generation int32
	earliest   time.Duration
	seen       time.Duration
	base       int64
	settled    bool // settled: the owner has begun a record, so the base is final
	released   bool
	unseen     bool // unseen: nobody saw the owner acquire the partition

	// looked is until when the acquisition, or a further generation, may have been, as it
	// was seen first: a rewind may be known more exactly and be another.
	looked time.Duration
}

// lastTenure is the index from which on tenures share a number: more than 254
// acquisitions of one partition in a run. Duplicates among those are held to the
// base alone.
const lastTenure = 254

// acquire begins a tenure, unless the owner simply still has the partition: it
// does across the generations of a protocol that does not revoke what stays.
func (p *tenures) acquire(e *ledger.Event, eager bool) {
	if n := len(p.list); n > 0 {
		last := &p.list[n-1]
		same := last.owner == e.Owner && last.member == e.Member && !last.released
		if same && (last.generation == e.Generation || !eager) {
			last.generation, last.looked = e.Generation, max(last.looked, e.Seen)
			return
		}
	}
	p.list = append(p.list, tenure{
		owner: e.Owner, member: e.Member, generation: e.Generation,
		earliest: e.At, seen: e.Seen, base: p.committed, looked: e.Seen,
	})
}

func (p *tenures) release(o ledger.Owner) {
	if n := len(p.list); n > 0 && p.list[n-1].owner == o {
		p.list[n-1].released = true
	}
}

// rewind begins a tenure with a rewind that was seen itself. It is the one that
// comes with an acquisition where the acquisition was seen no more exactly, or
// where the owner has not begun: then it says from where the owner reads, and since
// when. calm says that nothing has happened that makes a member read the commit again:
// whoever does so for once explains nothing.
func (p *tenures) rewind(e *ledger.Event, calm bool) {
	t := tenure{owner: e.Owner, earliest: e.At, seen: e.At, base: e.Offset}
	if e.Offset < 0 {
		t.base = p.committed
	}
	if n := len(p.list); n > 0 && p.list[n-1].owner == e.Owner {
		last := &p.list[n-1]
		within := e.At <= last.seen
		if calm && e.At > last.looked && last.settled && e.Offset < 0 {
			return
		}
		if within || !last.settled {
			last.base = min(last.base, t.base)
			if within {
				last.earliest, last.seen, last.settled = e.At, e.At, false
			}
			return
		}
	}
	for i := len(p.list) - 1; i >= 0; i-- {
		if before := &p.list[i]; before.owner == e.Owner { // it is the same member still
			t.member, t.generation = before.member, before.generation
			break
		}
	}
	p.list = append(p.list, t)
}

// commit lowers the base of a tenure whose owner has not begun: it may have
// read any value committed since the change.
func (p *tenures) commit(offset int64) {
	p.committed = offset
	if n := len(p.list); n > 0 && !p.list[n-1].settled {
		p.list[n-1].base = min(p.list[n-1].base, offset)
	}
}

// begin settles the base of the owner's tenure. An owner that no observer saw
// acquire the partition gets a tenure from its first record, unless it surely is
// another's.
func (p *tenures) begin(e *ledger.Event, alive func(ledger.Owner) bool) {
	if p.settle(e.Owner) || p.heldFrom(e, alive) {
		return
	}
	p.list = append(p.list, tenure{owner: e.Owner, earliest: e.At, seen: e.At, base: p.committed, settled: true, unseen: true})
}

// heldFrom reports whether another than the owner of an event surely has the partition.
func (p *tenures) heldFrom(e *ledger.Event, alive func(ledger.Owner) bool) bool {
	n := len(p.list)
	if n == 0 {
		return false
	}
	last := &p.list[n-1]
	return last.owner != e.Owner && last.seen <= e.At && !last.released && !last.unseen && alive(last.owner)
}

// of is the index of the latest and of the earliest tenure under which an
// attempt of owner begun at start may fall.
func (p *tenures) of(owner ledger.Owner, start time.Duration) (high, low int) {
	high, low = -1, -1
	for i := len(p.list) - 1; i >= 0; i-- {
		t := &p.list[i]
		if t.owner != owner {
			continue
		}
		if high < 0 && t.earliest <= start {
			high = i
		}
		low = i
		if t.seen <= start {
			break
		}
	}
	return max(high, low), low
}

// settle settles the base of the latest tenure of an owner, if it has one.
func (p *tenures) settle(owner ledger.Owner) bool {
	for i := len(p.list) - 1; i >= 0; i-- {
		if p.list[i].owner == owner {
			p.list[i].settled = true
			return true
		}
	}
	return false
}

// noTenure is that of an effect without one, hence without a start, which a whole
// ledger cannot have.
const noTenure = -1

// effect notes an effect at the event's position. It returns the latest tenure of
// those before, noTenure without any, and its own; and whether the two lie so that a
// rewind explains it. aside are tenures under which its record was set aside, to
// which it may belong too. An effect of an owner without the partition is under none,
// and passes for the latest.
func (p *tenures) effect(e *ledger.Event, aside []int) (was, is int, excused bool) {
	is, low := p.of(e.Owner, e.Start)
	if len(aside) > 0 {
		low = max(low, 0) // its owner may never have had the partition
		is = max(is, slices.Max(aside))
	}
	nobodys := is < 0 || e.Zombie
	if nobodys {
		is, low = len(p.list)-1, len(p.list)
	}
	if is < 0 {
		return noTenure, noTenure, false
	}
	latest := p.effects.at(e.Offset)
	was = int(*latest) - 1
	cause := max(is, was)
	excused = (is != was || was == lastTenure) && p.list[cause].base <= e.Offset
	if p.isUnsure(e.Offset) || low != is || is < was && was < lastTenure || len(aside) > 0 {
		excused = p.uncertain(e.Offset, span{e.Owner, low, is, aside}, was)
	}
	*latest = number(cause)
	return was, is, excused
}

// under are the tenures under which something may have happened at a time.
func (p *tenures) under(when time.Duration) (list []int) {
	for i := range p.list {
		switch t := &p.list[i]; {
		case t.seen <= when:
			list = []int{i}
		case t.earliest <= when:
			list = append(list, i)
		}
	}
	return list
}

// last is the earliest tenure that the latest effect at offset may belong to,
// noTenure without one.
func (p *tenures) last(offset int64) int {
	if spans := p.unsure[offset]; len(spans) > 0 {
		if of := spans[len(spans)-1].tenures(p); len(of) > 0 {
			return slices.Min(of)
		}
	}
	return int(p.effects.get(offset)) - 1
}

// since is the index of the first tenure that may have begun at a time or later.
func (p *tenures) since(at time.Duration) int {
	if i := slices.IndexFunc(p.list, func(t tenure) bool { return t.seen >= at }); i >= 0 {
		return i
	}
	return len(p.list)
}

// rewinds counts the rewinds, among the tenures from the one at index first on,
// that lead back to offset or below.
func (p *tenures) rewinds(first int, offset int64) (n int) {
	for i := max(1, first); i < len(p.list); i++ {
		if p.list[i].base <= offset {
			n++
		}
	}
	return n
}

func number(tenure int) uint8 { return uint8(min(tenure, lastTenure) + 1) }

var _ = [1]struct{}{}[lastTenure+1-math.MaxUint8] // the number of the last tenure fits
