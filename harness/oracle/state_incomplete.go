package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	lossEntry = entry{
		name: CheckLoss, verdict: func(j *judgeState) harness.Verdict { return j.incomplete.fateVerdict(lost) },
		heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, DrainEnded},
	}
	stallEntry = entry{
		name: CheckStall, verdict: func(j *judgeState) harness.Verdict { return j.incomplete.fateVerdict(stalled) },
		heldTo: heldAlways("progress"), leans: []string{LedgerComplete, DrainEnded},
	}
	overloadEntry = entry{
		name: CheckOverload, verdict: func(j *judgeState) harness.Verdict { return j.incomplete.fateVerdict(overloaded) },
		heldTo: heldToNothing, // whether it may is the scenario's word; the engine judges it
	}
)

// fate is what became of a landed record that was never finished.
type fate int

const (
	lost       fate = iota // commits are past it wherever it lies: nobody will ever work on it
	stalled                // still owed, and nothing was finished for long
	overloaded             // still owed while completions went on
)

// incomplete finds the landed records of the source that were never finished,
// and tells apart what became of them. Three checks read it.
//
// A record is finished by an effect at any place, or by a copy in a dead-letter
// topic. Otherwise it is lost if every place where it lies, which are its position
// in the source and its copies in topics with custody, is below the final commit
// of its partition, or in a share group was last answered by accept, reject or gap, or
// was acquired [Facts.Deliveries] times, by the Count of an attempt or an acquisition; and no range that commits are not past sets it aside. If not, it is owed:
// stalled if from the latest first effect or dead letter to the end of the drain
// it is longer than [Facts.stallAfter], else overloaded.
type incomplete struct {
	facts          *Facts
	completed      []ledger.Offsets // see [judgeState]
	shares         *shareGroup      // of a share group
	lastCompletion time.Duration    // the latest first effect or dead letter before the drain ended
	deferred       *deferredRanges
	copies         map[ledger.Position]*loggedCopies
	found          *[overloaded + 1]findings // by fate; nil before the first verdict
}

func newIncomplete(f *Facts, finished []ledger.Offsets, asides *deferredRanges, shares *shareGroup) *incomplete {
	return &incomplete{facts: f, completed: finished, deferred: asides, shares: shares}
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

// noteCompletion takes when a record was finished, if that was before the drain ended.
func (u *incomplete) noteCompletion(at time.Duration) bool {
	if at > u.facts.DrainEnd {
		return false
	}
	u.lastCompletion = max(u.lastCompletion, at)
	return true
}

// isPast reports whether nobody will be given the record at a place any more.
func (u *incomplete) isPast(place ledger.Position) bool {
	return place.Offset < u.facts.finalCommitAt(place) || u.facts.Share && u.shares.isFinal(place)
}

// fateOf says what becomes of a record of the source without an effect at its
// place, ok if it is not finished elsewhere.
func (u *incomplete) fateOf(place ledger.Position) (what fate, ok bool) {
	isLost := u.isPast(place) && !u.deferred.isOutstanding(place)
	first := u.facts.Log.firstPosition(place)
	if first != place && u.completed[first.Partition].Has(first.Offset) {
		return lost, false
	}
	if c := u.copies[first]; c != nil {
		for _, hop := range c.copies {
			switch role := u.facts.roleOf(hop.Topic); {
			case role == harness.RoleDeadLetter:
				return lost, false
			case role.TakesOver():
				isLost = isLost && u.isPast(hop)
			}
		}
	}
	switch {
	case isLost:
		return lost, true
	case u.facts.DrainEnd-u.lastCompletion > u.facts.stallAfter():
		return stalled, true
	}
	return overloaded, true
}

func (u *incomplete) fateVerdict(what fate) harness.Verdict {
	if u.found == nil {
		u.found = &[overloaded + 1]findings{}
		for p := range u.facts.Partitions {
			u.eachIncomplete(int32(p), func(is fate, at ledger.Position) {
				u.found[is].addAnomaly(func() harness.Anomaly { return u.fateAnomaly(is, at) })
			})
		}
	}
	return u.found[what].toVerdict(u.fateDetail(what, u.found[what].count))
}

// eachIncomplete says what became of the records of a partition that were never finished. Nothing
// may be observed after it.
func (u *incomplete) eachIncomplete(partition int32, became func(fate, ledger.Position)) {
	if u.copies == nil {
		u.copies = u.facts.Log.copiesByOrigin()
	}
	done, end := &u.completed[partition], u.facts.Log.endOffset(0, partition)
	for offset := done.Lacks(0); offset < end; offset = done.Lacks(offset + 1) {
		place := ledger.Position{Partition: partition, Offset: offset}
		if !u.facts.Log.isAppended(place) {
			continue
		}
		if is, ok := u.fateOf(place); ok {
			became(is, place)
		}
	}
}

func (u *incomplete) fateAnomaly(what fate, place ledger.Position) harness.Anomaly {
	final := u.facts.finalCommit(int(place.Partition))
	text := map[fate]string{
		lost:       fmt.Sprintf("landed, never finished, and the group's commit %d is past it", final),
		stalled:    fmt.Sprintf("landed and still owed (commit %d), but nothing was finished after %v", final, u.lastCompletion.Round(time.Millisecond)),
		overloaded: fmt.Sprintf("landed and still owed (commit %d) when the drain ended", final),
	}[what]
	if what == lost && u.facts.Share {
		text = "landed, never finished, and the group is done with it"
	}
	if what == lost && u.facts.Effect == harness.EffectOutput {
		text = fmt.Sprintf("landed, its offset is committed (%d), and there is no output of it", final)
	}
	if c := u.copies[u.facts.Log.firstPosition(place)]; c != nil {
		for _, hop := range c.copies {
			text += fmt.Sprintf("; a copy in %s, %d/%d (commit %d)", u.facts.topicName(hop.Topic), hop.Partition, hop.Offset, u.facts.finalCommitAt(hop))
		}
	}
	return unnamedAnomaly(place, u.facts.DrainEnd, text)
}

func (u *incomplete) fateDetail(what fate, n int64) string {
	if n == 0 {
		return ""
	}
	switch what {
	case lost:
		return fmt.Sprintf("%d of %d landed records were never finished and lie below the group's commit", n, u.facts.Log.Len())
	case stalled:
		return fmt.Sprintf("%s owed when the drain ended and nothing had been finished for %v, more than session + 2 x commit + 2 s = %v",
			countRecords(n), (u.facts.DrainEnd - u.lastCompletion).Round(time.Millisecond), u.facts.stallAfter())
	default:
		return fmt.Sprintf("%s owed when the drain ended, while completions went on", countRecords(n))
	}
}
