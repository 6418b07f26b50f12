package oracle

import (
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// partitionAssignments is a partition: who had it since when, what is committed, and under
// which tenure each offset had its latest effect.
type partitionAssignments struct {
	list      []assignment
	committed int64
	effects   offsetSlice[uint8]     // by offset: index of the tenure + 1, 0 for none; see lastTenure
	ambiguous map[int64][]effectSpan // all effects of the offsets where one may belong to several tenures or came late
}

type assignment struct {
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

// lastNumbered is the index from which on tenures share a number: more than 254
// acquisitions of one partition in a run. Duplicates among those are held to the
// base alone.
const lastNumbered = 254

// beginAssignment begins a tenure, unless the owner simply still has the partition: it
// does across the generations of a protocol that does not revoke what stays.
func (p *partitionAssignments) beginAssignment(e *ledger.Event, eager bool) {
	if n := len(p.list); n > 0 {
		last := &p.list[n-1]
		same := last.owner == e.Owner && last.member == e.Member && !last.released
		if same && (last.generation == e.Generation || !eager) {
			last.generation, last.looked = e.Generation, max(last.looked, e.Seen)
			return
		}
	}
	p.list = append(p.list, assignment{
		owner: e.Owner, member: e.Member, generation: e.Generation,
		earliest: e.At, seen: e.Seen, base: p.committed, looked: e.Seen,
	})
}

func (p *partitionAssignments) markReleased(o ledger.Owner) {
	if n := len(p.list); n > 0 && p.list[n-1].owner == o {
		p.list[n-1].released = true
	}
}

// addRewind begins a tenure with a rewind that was seen itself. It is the one that
// comes with an acquisition where the acquisition was seen no more exactly, or
// where the owner has not begun: then it says from where the owner reads, and since
// when. calm says that nothing has happened that makes a member read the commit again:
// whoever does so for once explains nothing.
func (p *partitionAssignments) addRewind(e *ledger.Event, calm bool) {
	t := assignment{owner: e.Owner, earliest: e.At, seen: e.At, base: e.Offset}
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

// lowerBase lowers the base of a tenure whose owner has not begun: it may have
// read any value committed since the change.
func (p *partitionAssignments) lowerBase(offset int64) {
	p.committed = offset
	if n := len(p.list); n > 0 && !p.list[n-1].settled {
		p.list[n-1].base = min(p.list[n-1].base, offset)
	}
}

// ensureAssignment settles the base of the owner's tenure. An owner that no observer saw
// acquire the partition gets a tenure from its first record, unless it surely is
// another's.
func (p *partitionAssignments) ensureAssignment(e *ledger.Event, alive func(ledger.Owner) bool) {
	if p.settleBase(e.Owner) || p.isOwnedByOther(e, alive) {
		return
	}
	p.list = append(p.list, assignment{owner: e.Owner, earliest: e.At, seen: e.At, base: p.committed, settled: true, unseen: true})
}

// isOwnedByOther reports whether another than the owner of an event surely has the partition.
func (p *partitionAssignments) isOwnedByOther(e *ledger.Event, alive func(ledger.Owner) bool) bool {
	n := len(p.list)
	if n == 0 {
		return false
	}
	last := &p.list[n-1]
	return last.owner != e.Owner && last.seen <= e.At && !last.released && !last.unseen && alive(last.owner)
}

// assignmentsOf is the index of the latest and of the earliest tenure under which an
// attempt of owner begun at start may fall.
func (p *partitionAssignments) assignmentsOf(owner ledger.Owner, start time.Duration) (high, low int) {
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

// settleBase settles the base of the latest tenure of an owner, if it has one.
func (p *partitionAssignments) settleBase(owner ledger.Owner) bool {
	for i := len(p.list) - 1; i >= 0; i-- {
		if p.list[i].owner == owner {
			p.list[i].settled = true
			return true
		}
	}
	return false
}

// noAssignment is that of an effect without one, hence without a start, which a whole
// ledger cannot have.
const noAssignment = -1

// addEffect notes an effect at the event's position. It returns the latest tenure of
// those before, noTenure without any, and its own; and whether the two lie so that a
// rewind explains it. aside are tenures under which its record was set aside, to
// which it may belong too. An effect of an owner without the partition is under none,
// and passes for the latest.
func (p *partitionAssignments) addEffect(e *ledger.Event, aside []int) (was, is int, excused bool) {
	is, low := p.assignmentsOf(e.Owner, e.Start)
	if len(aside) > 0 {
		low = max(low, 0) // its owner may never have had the partition
		is = max(is, slices.Max(aside))
	}
	nobodys := is < 0 || e.Zombie
	if nobodys {
		is, low = len(p.list)-1, len(p.list)
	}
	if is < 0 {
		return noAssignment, noAssignment, false
	}
	latest := p.effects.placeAt(e.Offset)
	was = int(*latest) - 1
	cause := max(is, was)
	excused = (is != was || was == lastNumbered) && p.list[cause].base <= e.Offset
	if p.isAmbiguous(e.Offset) || low != is || is < was && was < lastNumbered || len(aside) > 0 {
		excused = p.addAmbiguous(e.Offset, effectSpan{e.Owner, low, is, aside}, was)
	}
	*latest = assignmentNumber(cause)
	return was, is, excused
}

// assignmentsAt are the tenures under which something may have happened at a time.
func (p *partitionAssignments) assignmentsAt(when time.Duration) (list []int) {
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

// lastEffectUnder is the earliest tenure that the latest effect at offset may belong to,
// noTenure without one.
func (p *partitionAssignments) lastEffectUnder(offset int64) int {
	if spans := p.ambiguous[offset]; len(spans) > 0 {
		if of := spans[len(spans)-1].candidates(p); len(of) > 0 {
			return slices.Min(of)
		}
	}
	return int(p.effects.valueAt(offset)) - 1
}

// firstSince is the index of the first tenure that may have begun at a time or later.
func (p *partitionAssignments) firstSince(at time.Duration) int {
	if i := slices.IndexFunc(p.list, func(t assignment) bool { return t.seen >= at }); i >= 0 {
		return i
	}
	return len(p.list)
}

// countRewinds counts the rewinds, among the tenures from the one at index first on,
// that lead back to offset or below.
func (p *partitionAssignments) countRewinds(first int, offset int64) (n int) {
	for i := max(1, first); i < len(p.list); i++ {
		if p.list[i].base <= offset {
			n++
		}
	}
	return n
}

func assignmentNumber(tenure int) uint8 { return uint8(min(tenure, lastNumbered) + 1) }

var _ = [1]struct{}{}[lastNumbered+1-math.MaxUint8] // the number of the last tenure fits
