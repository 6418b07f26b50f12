package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// fences mark the work of pods on partitions that they had lost: as unfenced if the group expelled the member
// and it could not know it when the work began, else as a zombie's. [CheckZombie] and [CheckUnfencedWork] have
// the rules. The annotator calls them, so that every check can leave unfenced work out.
//
// An attempt is marked as unfenced from the earliest time of the expulsion on. It is counted if it ended after
// the latest time.
type fences struct {
	*ownership
	deferred       *deferredRanges
	openZombies    map[zombieAttempt]bool
	zombies        findings
	afterExpulsion int64 // afterExpulsion is how many zombies began after an expulsion.
	unfencedWork   findings
}

// zombieAttempt is an attempt of a zombie that is in flight.
type zombieAttempt struct {
	ledger.Position
	owner ledger.Owner
	start time.Duration
}

func newFences(f *Facts, deferred *deferredRanges) *fences {
	return &fences{ownership: newOwnership(f), deferred: deferred, openZombies: map[zombieAttempt]bool{}}
}

// markStart marks the start of an attempt.
func (f *fences) markStart(e *ledger.Event) {
	list := f.intervalsOf(e.Topic, e.Partition)
	if n := len(list); n > 0 && list[n-1].owner == e.Owner && !list[n-1].lost {
		last := &list[n-1]
		if e.At <= last.seen { // it may not own the partition again so far
			e.Unfenced = f.isUnfenced(e.Position(), e.Owner, e.At, e.At)
		}
		if !e.Unfenced {
			last.begun = min(last.begun, e.At)
		}
		return
	}
	k := intervalAt(list, e.Owner, e.At)
	if k == noInterval || !list[k].lost {
		return
	}
	lost := &list[k]
	if lost.until >= e.At {
		lost.begun = min(lost.begun, e.At) // the pod may still own the partition
	}
	switch {
	case lost.by != nil:
		f.markExpelled(e, lost.by)
	case lost.until < e.At && !f.isDeferred(e):
		f.markRevoked(e, list, k)
	}
}

// markExpelled marks the start of an attempt by a pod that an expulsion took the partition from.
func (f *fences) markExpelled(e *ledger.Event, by *expulsion) {
	knew := f.learnedAt(by)
	if e.Unfenced = e.At <= knew; !e.Unfenced && !f.isDeferred(e) {
		f.markZombie(e)
		f.reportExpelled(e, by, knew)
	}
}

// markRevoked marks the start of an attempt by a pod that surely lost the partition at list[lost], once another
// owner that got it since has begun a record.
func (f *fences) markRevoked(e *ledger.Event, list []ownershipInterval, lost int) {
	for k := lost + 1; k < len(list); k++ {
		if next := &list[k]; next.owner != e.Owner && next.begun < e.At {
			f.markZombie(e)
			f.reportRevoked(e, &list[lost], next)
			return
		}
	}
}

// markZombie marks the start of a zombie's attempt. Its end will be marked too.
func (f *fences) markZombie(e *ledger.Event) {
	e.Zombie = true
	f.openZombies[zombieAttempt{e.Position(), e.Owner, e.At}] = true
}

// markAttemptEnd marks the end of a zombie's attempt, or of an attempt that an expulsion left unfenced.
func (f *fences) markAttemptEnd(e *ledger.Event) {
	if len(f.openZombies) > 0 {
		a := zombieAttempt{e.Position(), e.Owner, e.Start}
		e.Zombie = f.openZombies[a]
		delete(f.openZombies, a)
	}
	if !f.wasExpelled(e.Owner) {
		return
	}
	i := f.expelledInterval(e.Position(), e.Owner, e.Start, e.At)
	if i == nil {
		return
	}
	if e.Unfenced = e.Start <= f.learnedAt(i.by); e.Unfenced && e.At > i.by.seen && !f.isDeferred(e) {
		f.reportUnfenced(e, i.by)
	}
}

// isDeferred reports whether the event's record lies in a range that was deferred before.
func (f *fences) isDeferred(e *ledger.Event) bool {
	return len(f.deferred.rangesBefore(e, e.Position())) > 0
}
