package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// fate is what happened to an appended record that was never completed.
type fate int

const (
	lost       fate = iota // commits are past it at every place, so the group will not deliver it again
	stalled                // outstanding, and nothing had been completed for long
	overloaded             // outstanding, while other records were still being completed
	overtaken              // deleted from the source before commits were past it
	fates
)

// incomplete finds the appended records of the source that were never completed, and says what happened to
// each. [CheckLoss], [CheckStall] and [CheckOverload] have the rules.
//
// A record is completed by an effect at any place, or by a copy in a dead-letter topic.
type incomplete struct {
	facts          *Facts
	completed      []ledger.Offsets // completed is the state of [judgeState].
	shares         *shareGroup
	lastCompletion time.Duration // lastCompletion is the latest first effect or dead letter before the drain ended.
	deferred       *deferredRanges
	trims          *trims
	copies         map[ledger.Position]*loggedCopies
	found          *[fates]findings // found is by fate, nil before the first verdict.
}

func newIncomplete(s *judgeState) *incomplete {
	return &incomplete{facts: s.Facts, completed: s.completed, deferred: s.deferred, trims: s.trims, shares: s.shares}
}

func (u *incomplete) trackCompletions(b *batch) {
	for _, e := range slices.Backward(b.Firsts) {
		if u.noteCompletion(e.At) {
			break // the others were no later
		}
	}
	for _, e := range b.Rare {
		if e.Kind == ledger.EventCopied && e.Held && u.facts.roleOf(e.Topic) == harness.RoleDeadLetter {
			u.noteCompletion(e.At)
		}
	}
}

// noteCompletion notes when a record was completed, if that was before the drain ended.
func (u *incomplete) noteCompletion(at time.Duration) bool {
	if at > u.facts.DrainEnd {
		return false
	}
	u.lastCompletion = max(u.lastCompletion, at)
	return true
}

// isPast reports whether the group will not deliver the record at a place again.
func (u *incomplete) isPast(place ledger.Position) bool {
	return place.Offset < u.facts.finalCommitAt(place) || u.facts.Share && u.shares.isFinal(place)
}

// fateOf is what happens to a record of the source without an effect at its position. ok: it is not completed
// elsewhere.
func (u *incomplete) fateOf(position ledger.Position) (is fate, ok bool) {
	isOvertaken := u.trims.overtaking(position) != nil && !(u.facts.Share && u.shares.deletedFinal[position])
	isLost := u.isPast(position) && !u.deferred.isOutstanding(position)
	if isCompletedAnywhere(u.facts.Log, u.completed, position) {
		return lost, false
	}
	if r := u.copies[u.facts.Log.firstPosition(position)]; r != nil {
		for _, copied := range r.copies {
			switch role := u.facts.roleOf(copied.Topic); {
			case role == harness.RoleDeadLetter:
				return lost, false
			case role.TakesOver():
				isOvertaken = false // the copy is there to be completed
				isLost = isLost && u.isPast(copied)
			}
		}
	}
	switch {
	case isOvertaken:
		return overtaken, true
	case isLost:
		return lost, true
	case u.facts.DrainEnd-u.lastCompletion > u.facts.stallAfter():
		return stalled, true
	}
	return overloaded, true
}

func (u *incomplete) fateVerdict(is fate) harness.Verdict {
	if u.found == nil {
		u.found = &[fates]findings{}
		for p := range u.facts.Partitions {
			u.eachIncomplete(int32(p), func(is fate, at ledger.Position) {
				u.found[is].addAnomaly(func() harness.Anomaly { return u.fateAnomaly(is, at) })
			})
		}
	}
	return u.found[is].toVerdict(u.fateDetail(is, u.found[is].count))
}

// eachIncomplete calls a function for each record of a partition that was never completed. No events may follow.
func (u *incomplete) eachIncomplete(partition int32, fn func(fate, ledger.Position)) {
	if u.copies == nil {
		u.copies = u.facts.Log.copiesByOrigin()
	}
	completed, end := &u.completed[partition], u.facts.Log.endOffset(0, partition)
	for offset := completed.Lacks(0); offset < end; offset = completed.Lacks(offset + 1) {
		position := ledger.Position{Partition: partition, Offset: offset}
		if !u.facts.Log.isAppended(position) {
			continue
		}
		if is, ok := u.fateOf(position); ok {
			fn(is, position)
		}
	}
}

// fateAnomaly is the evidence of a record that was never completed.
func (u *incomplete) fateAnomaly(is fate, position ledger.Position) harness.Anomaly {
	final := u.facts.finalCommit(int(position.Partition))
	text := ""
	switch {
	case is == stalled:
		text = fmt.Sprintf("appended, and outstanding at the end (commit %d); nothing was completed after %v", final, u.lastCompletion.Round(time.Millisecond))
	case is == overtaken:
		text = u.trims.overtaking(position).describe(u.facts)
	case is == overloaded:
		text = fmt.Sprintf("appended, and outstanding when the drain ended (commit %d)", final)
	case u.facts.Effect == harness.EffectOutput:
		text = fmt.Sprintf("appended, its offset is committed (%d), and it has no output", final)
	case u.facts.Share:
		text = "appended and never completed; the group will not deliver it again"
	default:
		text = fmt.Sprintf("appended and never completed; the group's commit %d is past it", final)
	}
	if r := u.copies[u.facts.Log.firstPosition(position)]; r != nil {
		for _, copied := range r.copies {
			text += fmt.Sprintf("; a copy in %s, %d/%d (commit %d)", u.facts.topicName(copied.Topic), copied.Partition, copied.Offset, u.facts.finalCommitAt(copied))
		}
	}
	return unnamedAnomaly(position, u.facts.DrainEnd, text)
}

func (u *incomplete) fateDetail(is fate, n int64) string {
	if n == 0 {
		return ""
	}
	switch is {
	case lost:
		return fmt.Sprintf("%d of %d appended records were never completed and lie below the group's commit", n, u.facts.Log.Len())
	case overtaken:
		return fmt.Sprintf("%s deleted before the group's commit was past them", countRecords(n))
	case stalled:
		return fmt.Sprintf("%s outstanding when the drain ended, and nothing had been completed for %v, more than session + 2 x commit + 2 s = %v",
			countRecords(n), (u.facts.DrainEnd - u.lastCompletion).Round(time.Millisecond), u.facts.stallAfter())
	default:
		return fmt.Sprintf("%s outstanding when the drain ended, while others were still being completed", countRecords(n))
	}
}
