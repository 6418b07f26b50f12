package oracle

import (
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// assignments are the assignments of all partitions of the run.
type assignments struct {
	topics [][]partitionAssignments // topics are by the ledger's number: the source, then the side topics.
}

func newAssignments(f *Facts) *assignments {
	a := &assignments{topics: [][]partitionAssignments{make([]partitionAssignments, f.Partitions)}}
	for i := range a.topics[0] {
		a.topics[0][i].facts, a.topics[0][i].number = f, int32(i)
	}
	for _, side := range f.Sides {
		a.topics = append(a.topics, make([]partitionAssignments, side.Partitions))
	}
	return a
}

// topic are the partitions of a topic, none of a topic that is not the run's.
func (a *assignments) topic(topic uint16) []partitionAssignments {
	if int(topic) >= len(a.topics) {
		return nil
	}
	return a.topics[topic]
}

// partition is a partition of the run, nil if there is none.
func (a *assignments) partition(topic uint16, partition int32) *partitionAssignments {
	parts := a.topic(topic)
	if uint(partition) >= uint(len(parts)) {
		return nil
	}
	return &parts[partition]
}

// settleLatest settles the base of the latest assignment of a partition of the source at a time.
func (a *assignments) settleLatest(partition int32, at time.Duration) {
	if p := &a.topics[0][partition]; len(p.list) > 0 {
		p.settle(len(p.list)-1, at)
	}
}

// partitionAssignments are the assignments of a partition, what is committed, and under which assignment each
// offset had its latest effect.
type partitionAssignments struct {
	facts       *Facts // facts are nil for a side topic.
	number      int32  // number is that of a partition of the source.
	list        []assignment
	committed   int64
	committedAt time.Duration
	effects     offsetSlice[uint8]     // effects is, by offset, what [assignmentNumber] makes of the latest effect's assignment, 0 without one.
	ambiguous   map[int64][]effectSpan // ambiguous are all effects of an offset, if one may be of several assignments or came late.
}

// assignment is the time of an owner with a partition, from one acquisition to the next. The owner reads from
// base on. Observers see acquisitions as intervals: this one lies between earliest and seen.
type assignment struct {
	owner      ledger.Owner
	member     uint64
	generation int32
	earliest   time.Duration
	seen       time.Duration
	base       int64
	committed  time.Duration // committed is when the commit was made that base is.
	settled    bool          // settled: the owner has begun a record, so the base is final.
	released   bool
	unseen     bool // unseen: no observer saw the owner acquire the partition.

	// observed is the end of the interval in which the acquisition, or a further generation, was seen first. A
	// rewind in it may be the one of the acquisition, seen more exactly.
	observed time.Duration
}

// lastNumbered is the index from which on assignments share a number, after 254 acquisitions of one partition.
// Second effects under those are judged by the base alone.
const lastNumbered = 254

// noAssignment is the assignment of an effect without one. A whole ledger has none: every effect has a start.
const noAssignment = -1

// assignmentNumber is what partitionAssignments.effects keeps of an assignment.
func assignmentNumber(index int) uint8 { return uint8(min(index, lastNumbered) + 1) }

// numberedAssignment is the index that a number stands for, noAssignment for 0.
func numberedAssignment(number uint8) int { return int(number) - 1 }

var _ = [1]struct{}{}[lastNumbered+1-math.MaxUint8] // the number of the last assignment fits

// beginAssignment begins an assignment, unless the owner kept the partition. A protocol that does not revoke
// what stays keeps an assignment across generations.
func (p *partitionAssignments) beginAssignment(e *ledger.Event, eager bool) {
	if n := len(p.list); n > 0 {
		last := &p.list[n-1]
		same := last.owner == e.Owner && last.member == e.Member && !last.released
		if same && (last.generation == e.Generation || !eager) {
			last.generation, last.observed = e.Generation, max(last.observed, e.Seen)
			return
		}
	}
	p.list = append(p.list, assignment{
		owner: e.Owner, member: e.Member, generation: e.Generation,
		earliest: e.At, seen: e.Seen, base: p.committed, committed: p.committedAt, observed: e.Seen,
	})
}

func (p *partitionAssignments) markReleased(o ledger.Owner) {
	if n := len(p.list); n > 0 && p.list[n-1].owner == o {
		p.list[n-1].released = true
	}
}

// addRewind adds a rewind that was seen itself: the owner read the commit, or went to an offset of its own
// choice. It is the rewind of the latest assignment if it lies in the interval of its acquisition, or if the
// owner has not begun a record. Then it says from where the owner reads, and since when. Else it begins an
// assignment.
//
// undisturbed: nothing has happened that makes a member read the commit again. A member that does so all the
// same explains nothing.
func (p *partitionAssignments) addRewind(e *ledger.Event, undisturbed bool) {
	next := assignment{owner: e.Owner, earliest: e.At, seen: e.At, base: e.Offset, committed: p.committedAt}
	if e.Offset < 0 {
		next.base = p.committed
		if answer, known := e.Answer(); known { // of -1, no commit, it begins as far back as it may
			next.base = min(next.base, max(answer, 0))
		}
	}
	if n := len(p.list); n > 0 && p.list[n-1].owner == e.Owner {
		last := &p.list[n-1]
		within := e.At <= last.seen
		if undisturbed && e.At > last.observed && last.settled && e.Offset < 0 {
			return
		}
		if within || !last.settled {
			last.base, last.committed = min(last.base, next.base), min(last.committed, next.committed)
			if within {
				last.earliest, last.seen, last.settled = e.At, e.At, false
			}
			return
		}
	}
	for i := len(p.list) - 1; i >= 0; i-- {
		if before := &p.list[i]; before.owner == e.Owner { // it is the same member still
			next.member, next.generation = before.member, before.generation
			break
		}
	}
	p.list = append(p.list, next)
}

// lowerBase lowers the base of an assignment whose owner has not begun a record: it may have read any value
// committed since the acquisition.
func (p *partitionAssignments) lowerBase(offset int64, at time.Duration) {
	p.committed, p.committedAt = offset, at
	if n := len(p.list); n > 0 && !p.list[n-1].settled {
		p.list[n-1].base = min(p.list[n-1].base, offset)
	}
}

// lowerAllBases lowers the bases of all partitions: the group has lost its commits.
func (a *assignments) lowerAllBases(at time.Duration) {
	for _, parts := range a.topics {
		for i := range parts {
			parts[i].lowerBase(0, at)
		}
	}
}

// ensureAssignment settles the base of the owner's assignment. If no observer saw the owner acquire the
// partition, the owner gets an assignment from its first record on, unless another pod surely owns the
// partition. downs are incarnations that ended.
func (p *partitionAssignments) ensureAssignment(e *ledger.Event, downs []ledger.Owner) {
	if p.settleBase(e.Owner, e.At) || p.isOwnedByOther(e, downs) {
		return
	}
	p.list = append(p.list, assignment{owner: e.Owner, earliest: e.At, seen: e.At, base: p.committed, committed: p.committedAt, unseen: true})
	p.settle(len(p.list)-1, e.At)
}

// isOwnedByOther reports whether a pod other than the event's surely owns the partition.
func (p *partitionAssignments) isOwnedByOther(e *ledger.Event, downs []ledger.Owner) bool {
	n := len(p.list)
	if n == 0 {
		return false
	}
	last := &p.list[n-1]
	return last.owner != e.Owner && last.seen <= e.At && !last.released && !last.unseen && !slices.Contains(downs, last.owner)
}

// assignmentsOf are the latest and the earliest assignment that an attempt of owner, begun at start, may be of.
func (p *partitionAssignments) assignmentsOf(owner ledger.Owner, start time.Duration) (latest, earliest int) {
	latest, earliest = noAssignment, noAssignment
	for i := len(p.list) - 1; i >= 0; i-- {
		a := &p.list[i]
		if a.owner != owner {
			continue
		}
		if latest == noAssignment && a.earliest <= start {
			latest = i
		}
		earliest = i
		if a.seen <= start {
			break
		}
	}
	return max(latest, earliest), earliest
}

// settle makes the base of an assignment final at a time. If the log was cut below the commit, the broker has told
// the owner so, and it has begun where the log was cut.
func (p *partitionAssignments) settle(index int, at time.Duration) {
	a := &p.list[index]
	if p.facts != nil && !a.settled {
		a.base = min(a.base, p.facts.cutUnder(p.number, a.committed, at))
	}
	a.settled = true
}

// settleBase settles the base of the latest assignment of an owner at a time, if it has one.
func (p *partitionAssignments) settleBase(owner ledger.Owner, at time.Duration) bool {
	for i := len(p.list) - 1; i >= 0; i-- {
		if p.list[i].owner == owner {
			p.settle(i, at)
			return true
		}
	}
	return false
}

// placedEffect is an effect among the assignments of its partition.
type placedEffect struct {
	before    int  // before is the latest assignment of the earlier effects of the offset, noAssignment without any.
	under     int  // under is the assignment of the effect itself, noAssignment if the partition had none.
	explained bool // explained: a rewind lies between the two that explains the effect.
}

// addEffect adds an effect at the event's position. deferredUnder are assignments under which its record was
// deferred: the effect may be of those too. An effect of a pod that did not own the partition is of no
// assignment, and counts as one of the latest.
func (p *partitionAssignments) addEffect(e *ledger.Event, deferredUnder []int) placedEffect {
	under, earliest := p.assignmentsOf(e.Owner, e.Start)
	if len(deferredUnder) > 0 {
		earliest = max(earliest, 0) // the pod may never have owned the partition
		under = max(under, slices.Max(deferredUnder))
	}
	if notOwned := under == noAssignment || e.Zombie; notOwned {
		under, earliest = len(p.list)-1, len(p.list) // an empty span: it may be of no assignment
	}
	if under == noAssignment {
		return placedEffect{before: noAssignment, under: noAssignment}
	}
	latest := p.effects.placeAt(e.Offset)
	before := numberedAssignment(*latest)
	cause := max(under, before)
	explained := (under != before || before == lastNumbered) && p.list[cause].base <= e.Offset
	if p.isAmbiguous(e.Offset) || earliest != under || under < before && before < lastNumbered || len(deferredUnder) > 0 {
		explained = p.addAmbiguous(e.Offset, effectSpan{e.Owner, earliest, under, deferredUnder}, before)
	}
	*latest = assignmentNumber(cause)
	return placedEffect{before, under, explained}
}

// assignmentsAt are the assignments under which an event at a time may have happened.
func (p *partitionAssignments) assignmentsAt(when time.Duration) (list []int) {
	for i := range p.list {
		switch a := &p.list[i]; {
		case a.seen <= when:
			list = []int{i}
		case a.earliest <= when:
			list = append(list, i)
		}
	}
	return list
}

// lastEffectUnder is the earliest assignment that the latest effect at offset may be of, noAssignment without
// an effect.
func (p *partitionAssignments) lastEffectUnder(offset int64) int {
	if spans := p.ambiguous[offset]; len(spans) > 0 {
		if candidates := spans[len(spans)-1].candidates(p); len(candidates) > 0 {
			return slices.Min(candidates)
		}
	}
	return numberedAssignment(p.effects.valueAt(offset))
}

// firstSince is the first assignment that may have begun at a time or later.
func (p *partitionAssignments) firstSince(at time.Duration) int {
	if i := slices.IndexFunc(p.list, func(a assignment) bool { return a.seen >= at }); i >= 0 {
		return i
	}
	return len(p.list)
}

// countRewinds counts the rewinds that lead back to offset or below, of the assignments from first on. The
// first assignment of a partition begins with no rewind.
func (p *partitionAssignments) countRewinds(first int, offset int64) (n int) {
	for i := max(1, first); i < len(p.list); i++ {
		if p.list[i].base <= offset {
			n++
		}
	}
	return n
}
