package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	zombieEntry = entry{
		name: CheckZombie, verdict: func(j *judgeState) harness.Verdict { return j.fences.zombieVerdict() },
		heldTo: heldToKeyOrder, leans: []string{LedgerComplete, NoPodStarved, ObserversKeptUp},
	}
	unfencedEntry = entry{
		name: CheckUnfencedWork, verdict: func(j *judgeState) harness.Verdict { return j.fences.unfencedVerdict() },
		heldTo: heldToNothing,
	}
)

// fences finds work on partitions that its pod had lost. It is of the pump: it
// marks attempts that nobody is to blame for.
//
// Unfenced is an attempt on a partition of which an expulsion took the holding
// under which it began, if it began no later than the member could know: a
// heartbeat and 100 ms after the expulsion was seen, or after the end of the fault
// that struck the member around that time. It is marked from the first moment of
// the expulsion on, and counted if it ended after the last.
//
// Zombie is an attempt that begins later than that, before its owner has the
// partition again; or after its owner had surely lost the partition by a revocation
// or a take-over, once another owner, who got it since, has begun a record of it.
// Records in a range set aside are nobody's by partition: work on them is marked, and
// never found.
type fences struct {
	*ownership
	deferred       *deferredRanges
	openZombies    map[zombieAttempt]bool // openZombies are zombies under way
	zombies        findings
	afterExpulsion int64    // afterExpulsion is how many of them began after an expulsion
	unfencedWork   findings // unfencedWork is unfenced work
}

func newFences(f *Facts, asides *deferredRanges) *fences {
	return &fences{ownership: newOwnership(f), deferred: asides}
}

// markStart takes an attempt that begins.
func (c *fences) markStart(e *ledger.Event) {
	list := c.intervalsOf(e.Topic, e.Partition)
	if n := len(list); n > 0 && list[n-1].owner == e.Owner && !list[n-1].lost {
		if e.At <= list[n-1].seen {
			if e.Unfenced = c.isUnfenced(e.Position(), e.Owner, e.At, e.At); e.Unfenced {
				return // it may not have the partition again yet
			}
		}
		list[n-1].begun = min(list[n-1].begun, e.At)
		return
	}
	i := intervalAt(list, e.Owner, e.At)
	if i < 0 || !list[i].lost {
		return
	}
	l := &list[i]
	if l.until >= e.At {
		l.begun = min(l.begun, e.At) // it may have it still
	}
	if l.by != nil {
		known := c.learnedAt(l.by)
		if e.Unfenced = e.At <= known; !e.Unfenced && !c.isDeferred(e) {
			c.afterExpulsion++
			c.markZombie(e)
			c.zombies.addAnomaly(func() harness.Anomaly {
				return anomalyOf(c.facts, e, "begun at %s by %s, which the group had expelled by %s and which could know it by %s",
					formatTime(e.At), c.facts.podName(e.Owner), formatTime(l.by.seen), formatTime(known))
			})
		}
		return
	}
	if l.until >= e.At || c.isDeferred(e) {
		return
	}
	for k := i + 1; k < len(list); k++ {
		if by := &list[k]; by.owner != e.Owner && by.begun < e.At {
			c.markZombie(e)
			c.zombies.addAnomaly(func() harness.Anomaly {
				a := anomalyOf(c.facts, e, "begun at %s by %s, which had lost the partition by %s, after %s had begun to work on it at %s",
					formatTime(e.At), c.facts.podName(e.Owner), formatTime(l.until), c.facts.podName(by.owner), formatTime(by.begun))
				a.Pods = append(a.Pods, c.facts.podName(by.owner))
				return a
			})
			return
		}
	}
}

// zombieAttempt is an attempt of a zombie: of whom on what since when.
type zombieAttempt struct {
	ledger.Position
	owner ledger.Owner
	start time.Duration
}

// markZombie marks a zombie, whose end will be marked too.
func (c *fences) markZombie(e *ledger.Event) {
	e.Zombie = true
	if c.openZombies == nil {
		c.openZombies = map[zombieAttempt]bool{}
	}
	c.openZombies[zombieAttempt{e.Position(), e.Owner, e.At}] = true
}

// markAttemptEnd marks the end of an attempt of a zombie, or one that an expulsion left unfenced.
func (c *fences) markAttemptEnd(e *ledger.Event) {
	if len(c.openZombies) > 0 {
		a := zombieAttempt{e.Position(), e.Owner, e.Start}
		e.Zombie = c.openZombies[a]
		delete(c.openZombies, a)
	}
	if int(e.Owner) >= len(c.expelled) || len(c.expelled[e.Owner]) == 0 {
		return
	}
	l := c.expelledInterval(e.Position(), e.Owner, e.Start, e.At)
	if l == nil {
		return
	}
	if e.Unfenced = e.Start <= c.learnedAt(l.by); e.Unfenced && e.At > l.by.seen && !c.isDeferred(e) {
		c.unfencedWork.addAnomaly(func() harness.Anomaly {
			return anomalyOf(c.facts, e, "worked on from %s to %s (%s) by %s, which the group had expelled by %s",
				formatTime(e.Start), formatTime(e.At), e.Outcome, c.facts.podName(e.Owner), formatTime(l.by.seen))
		})
	}
}

func (c *fences) isDeferred(e *ledger.Event) bool {
	return len(c.deferred.rangesBefore(e, e.Position())) > 0
}

func (c *fences) zombieVerdict() harness.Verdict {
	detail := ""
	if n := c.zombies.count; n > 0 {
		detail = fmt.Sprintf("%d attempts began after their pod was expelled and could know it, %d after another pod had taken over", c.afterExpulsion, n-c.afterExpulsion)
	}
	return c.zombies.toVerdict(detail)
}

func (c *fences) unfencedVerdict() harness.Verdict {
	detail := ""
	if n := c.unfencedWork.count; n > 0 {
		detail = fmt.Sprintf("%d attempts ran on after the group had expelled their pod, which could not know it when they began", n)
	}
	return c.unfencedWork.toVerdict(detail)
}
