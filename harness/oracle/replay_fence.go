package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	zombieEntry = entry{
		name: CheckZombie, verdict: func(j *judging) harness.Verdict { return j.fences.zombieVerdict() },
		heldTo: heldToKeyOrder, leans: []string{LedgerComplete, NoPodStarved, ObserversKeptUp},
	}
	unfencedEntry = entry{
		name: CheckUnfencedWork, verdict: func(j *judging) harness.Verdict { return j.fences.unfencedVerdict() },
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
	*holdings
	asides     *asides
	zombied    map[undead]bool // zombied are zombies under way
	zombies    findings
	byExpelled int64    // byExpelled is how many of them began after an expulsion
	ranOn      findings // ranOn is unfenced work
}

func newFences(f *Facts, asides *asides) *fences {
	return &fences{holdings: newHoldings(f), asides: asides}
}

// start takes an attempt that begins.
func (c *fences) start(e *ledger.Event) {
	list := c.of(e.Topic, e.Partition)
	if n := len(list); n > 0 && list[n-1].owner == e.Owner && !list[n-1].lost {
		if e.At <= list[n-1].seen {
			if e.Unfenced = c.unfenced(e.Position(), e.Owner, e.At, e.At); e.Unfenced {
				return // it may not have the partition again yet
			}
		}
		list[n-1].begun = min(list[n-1].begun, e.At)
		return
	}
	i := heldBy(list, e.Owner, e.At)
	if i < 0 || !list[i].lost {
		return
	}
	l := &list[i]
	if l.until >= e.At {
		l.begun = min(l.begun, e.At) // it may have it still
	}
	if l.by != nil {
		known := c.learned(l.by)
		if e.Unfenced = e.At <= known; !e.Unfenced && !c.isAside(e) {
			c.byExpelled++
			c.zombie(e)
			c.zombies.add(func() harness.Anomaly {
				return anomaly(c.facts, e, "begun at %s by %s, which the group had expelled by %s and which could know it by %s",
					moment(e.At), c.facts.name(e.Owner), moment(l.by.seen), moment(known))
			})
		}
		return
	}
	if l.until >= e.At || c.isAside(e) {
		return
	}
	for k := i + 1; k < len(list); k++ {
		if by := &list[k]; by.owner != e.Owner && by.begun < e.At {
			c.zombie(e)
			c.zombies.add(func() harness.Anomaly {
				a := anomaly(c.facts, e, "begun at %s by %s, which had lost the partition by %s, after %s had begun to work on it at %s",
					moment(e.At), c.facts.name(e.Owner), moment(l.until), c.facts.name(by.owner), moment(by.begun))
				a.Pods = append(a.Pods, c.facts.name(by.owner))
				return a
			})
			return
		}
	}
}

// undead is an attempt of a zombie: of whom on what since when.
type undead struct {
	ledger.Position
	owner ledger.Owner
	start time.Duration
}

// zombie marks a zombie, whose end will be marked too.
func (c *fences) zombie(e *ledger.Event) {
	e.Zombie = true
	if c.zombied == nil {
		c.zombied = map[undead]bool{}
	}
	c.zombied[undead{e.Position(), e.Owner, e.At}] = true
}

// end marks the end of an attempt of a zombie, or one that an expulsion left unfenced.
func (c *fences) end(e *ledger.Event) {
	if len(c.zombied) > 0 {
		a := undead{e.Position(), e.Owner, e.Start}
		e.Zombie = c.zombied[a]
		delete(c.zombied, a)
	}
	if int(e.Owner) >= len(c.expelled) || len(c.expelled[e.Owner]) == 0 {
		return
	}
	l := c.taken(e.Position(), e.Owner, e.Start, e.At)
	if l == nil {
		return
	}
	if e.Unfenced = e.Start <= c.learned(l.by); e.Unfenced && e.At > l.by.seen && !c.isAside(e) {
		c.ranOn.add(func() harness.Anomaly {
			return anomaly(c.facts, e, "worked on from %s to %s (%s) by %s, which the group had expelled by %s",
				moment(e.Start), moment(e.At), e.Outcome, c.facts.name(e.Owner), moment(l.by.seen))
		})
	}
}

func (c *fences) isAside(e *ledger.Event) bool { return len(c.asides.before(e, e.Position())) > 0 }

func (c *fences) zombieVerdict() harness.Verdict {
	detail := ""
	if n := c.zombies.count; n > 0 {
		detail = fmt.Sprintf("%d attempts began after their pod was expelled and could know it, %d after another pod had taken over", c.byExpelled, n-c.byExpelled)
	}
	return c.zombies.verdict(detail)
}

func (c *fences) unfencedVerdict() harness.Verdict {
	detail := ""
	if n := c.ranOn.count; n > 0 {
		detail = fmt.Sprintf("%d attempts ran on after the group had expelled their pod, which could not know it when they began", n)
	}
	return c.ranOn.verdict(detail)
}
