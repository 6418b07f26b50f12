package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// routes follows a record through its places: its first position in the source, and its copies in topics that
// take over.
type routes struct {
	facts       *Facts
	assignments *assignments
	shares      *shareGroup
	copies      *copyIndex
	fences      *fences
}

// route is what happened to a record at all its places so far.
type route struct {
	completions int // completions are the places at which the record had an effect.
	positions   int // positions are those of the record in the source: each may be completed once.
	// rewinds are those that lead back to a place at which the record was completed, since it was completed
	// there. A place is completed by its latest effect, and by the append of the next copy.
	rewinds int
}

// routeOf is the route of an event's record, with the event. A copy that an expelled member may have appended
// before it could know of its expulsion counts as a rewind: it arrives after the rewind that led to it.
func (r *routes) routeOf(e *ledger.Event) (way route) {
	source := r.facts.Log.firstPosition(sourcePosition(e))
	record, copiedAt := r.copies.copiesOf(e), neverCopied
	if record != nil {
		copiedAt = record.copies[0].at
	}
	again := r.facts.Log.furtherPositions(e.Key, e.Seq)
	way.positions = 1 + len(again)
	r.addPlace(&way, source, copiedAt)
	for _, p := range again {
		r.addPlace(&way, p, copiedAt)
	}
	if record == nil {
		return way
	}
	for i, c := range record.copies {
		if r.isCopiedLate(source, record.copies[:i], c.at) {
			way.rewinds++
		}
		copiedAt := neverCopied
		if i+1 < len(record.copies) {
			copiedAt = record.copies[i+1].at
		}
		r.addPlace(&way, c.Position, copiedAt)
	}
	return way
}

// neverCopied is when the record at a place was copied to the next one, if it was not.
const neverCopied = time.Duration(never)

// addPlace adds a place of the record. copiedAt is when the record was copied to the next place.
func (r *routes) addPlace(way *route, place ledger.Position, copiedAt time.Duration) {
	if r.facts.Share {
		way.rewinds += r.shares.countRedeliveries(place)
		if r.shares.peekRecord(place).owner != 0 {
			way.completions++
		}
		return
	}
	p := r.assignments.partition(place.Topic, place.Partition)
	if p == nil {
		return
	}
	first := len(p.list)
	if copiedAt != neverCopied {
		first = p.firstSince(copiedAt)
	}
	if last := p.lastEffectUnder(place.Offset); last != noAssignment {
		way.completions++
		first = min(first, last+1)
	}
	way.rewinds += p.countRewinds(first, place.Offset)
}

// isCopiedLate reports whether a copy that was appended at a time may be of a member that did not know that it had
// lost an earlier place of the record.
func (r *routes) isCopiedLate(source ledger.Position, earlier []appendedCopy, at time.Duration) bool {
	if r.fences.mayAppendLate(source, at) {
		return true
	}
	for _, c := range earlier {
		if r.fences.mayAppendLate(c.Position, at) {
			return true
		}
	}
	return false
}
