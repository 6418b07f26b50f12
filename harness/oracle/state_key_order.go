package oracle

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// keyed is what happened on each key: one state for the checks of the order by
// key. The order of a key is that of its records by
// their first position in the source, their rank; a key lies in one partition.
//
// Effects and failures of unfenced work, which nobody is to blame for, are left out.
type keyed struct {
	facts      *Facts
	fences     *fences // asked who had been expelled
	stints     *stints
	keys       perKey[keyState]
	under      underway // attempts under way, in lists by key
	parts      []int32  // parts are lists of them by partition of the source, where that is the order that is claimed
	within     underway // within is what parts are lists of
	failed     map[ledger.Position]failure
	starvation starvation

	inverted, overtaken, steppedBack findings
	overlapped                       findings
	across                           int64 // across is how many overlaps are of two pods
}

// keyState is a key. It is small, since there may be a million: two share a cache
// line, and what is under way lies elsewhere.
type keyState struct {
	top     int64 // top is the rank of the first effect furthest ahead + 1, 0 before any
	last    lastEffect
	quiet   time.Duration // quiet is when the latest attempt ended
	under   int32         // under is the list of the attempts under way, in keyed.under
	topBy   ledger.Owner
	failing uint16 // failing records, which have an entry in keyed.failed; stays at its maximum
}

// lastEffect is the latest effect of a key: its rank + 1, and above that the number of the
// stint it was of. The zero value is none.
type lastEffect uint64

const rankBits = 48

func newLastEffect(rank int64, stint uint16) lastEffect {
	return lastEffect(rank) | lastEffect(stint)<<rankBits
}

func (l lastEffect) rank() int64   { return int64(l & (1<<rankBits - 1)) }
func (l lastEffect) stint() uint16 { return uint16(l >> rankBits) }

var _ [32]byte = [unsafe.Sizeof(keyState{})]byte{} // with 4 bytes of the log's, under 64 a key

// failure is a record with a failed attempt and no effect yet.
type failure struct {
	at     time.Duration
	by     ledger.Owner
	behind bool // behind: a later record of its key had its effect before the failure
}

func newKeyed(f *Facts, fences *fences) *keyed {
	c := &keyed{facts: f, fences: fences, stints: newStints(f), failed: map[ledger.Position]failure{}, starvation: newStarvation(f)}
	if f.Order == harness.OrderPartition {
		c.parts = make([]int32, f.Partitions)
	}
	return c
}

func (c *keyed) observe(b *batch) {
	for _, e := range b.Work {
		if !e.Held {
			switch e.Kind {
			case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventHeal:
				c.starvation.group(e)
				c.stints.event(e)
			case ledger.EventDown, ledger.EventExpelled:
				c.stints.event(e)
			}
			continue
		}
		switch e.Kind {
		case ledger.EventStart:
			if !e.Unfenced {
				c.begin(c.keys.at(e.Key), e)
			}
		case ledger.EventEnd:
			k := c.keys.at(e.Key)
			if !c.facts.isOutput(e) {
				c.end(k, e)
			}
			switch {
			case e.Unfenced:
			case e.Outcome == ledger.OutcomeEffect:
				c.effect(k, e)
			case isFailure(e):
				c.fail(k, e)
			}
		case ledger.EventCopied:
			if c.facts.role(e.Topic) == harness.RoleDeadLetter {
				c.forget(c.keys.at(e.Key), e)
			}
		}
	}
}

// fetch has the state of a key fetched that is soon needed. There are too many for
// the processor's caches, and to wait for each would cost more than all that is done
// with it.
func (c *keyed) fetch(key uint32) {
	if k := c.keys.peek(key); k != nil {
		prefetch(unsafe.Pointer(k))
	}
}

// effect takes an effect of the key.
func (c *keyed) effect(k *keyState, e *ledger.Event) {
	rank, stint := e.Source+1, c.stints.of(e)
	c.starvation.effect(e)
	switch {
	case !e.First:
		if rank < k.last.rank() {
			c.stepBack(k, e)
			if stint != 0 && stint == k.last.stint() {
				c.reverse(k, e)
			}
		}
	case rank > k.top:
		k.top, k.topBy = rank, e.Owner
	default:
		c.outOfOrder(k, e)
	}
	k.last = newLastEffect(rank, stint)
	c.forget(k, e)
}

// outOfOrder takes a first effect behind one of a later record.
func (c *keyed) outOfOrder(k *keyState, e *ledger.Event) {
	if k.failing > 0 {
		if f, ok := c.failed[sourceOf(e)]; ok && !f.behind {
			c.overtake(k, e, f)
			return
		}
	}
	c.invert(k, e)
}

// fail notes the first failed attempt of a record.
func (c *keyed) fail(k *keyState, e *ledger.Event) {
	if _, ok := c.failed[sourceOf(e)]; ok {
		return
	}
	c.failed[sourceOf(e)] = failure{at: e.At, by: e.Owner, behind: k.top > e.Source+1}
	if k.failing < math.MaxUint16 {
		k.failing++
	}
}

// forget drops the failures of a record that is finished.
func (c *keyed) forget(k *keyState, e *ledger.Event) {
	if k.failing == 0 {
		return
	}
	if _, ok := c.failed[sourceOf(e)]; ok {
		delete(c.failed, sourceOf(e))
		if k.failing < math.MaxUint16 {
			k.failing--
		}
	}
}

// sourceOf is where the record of an event first lay.
func sourceOf(e *ledger.Event) ledger.Position {
	return ledger.Position{Partition: e.Origin, Offset: e.Source}
}

// begin adds an attempt to those under way on the key, and in the partition.
func (c *keyed) begin(k *keyState, e *ledger.Event) {
	switch {
	case k.under == 0:
		c.starvation.start(k, e)
	case c.parts == nil:
		c.overlap(&c.under, k.under, e)
	}
	c.under.begin(&k.under, e)
	if c.parts != nil {
		p := &c.parts[e.Origin]
		c.overlap(&c.within, *p, e)
		c.within.begin(p, e)
	}
}

// end takes an attempt from those under way.
func (c *keyed) end(k *keyState, e *ledger.Event) {
	k.quiet = e.At
	c.under.end(&k.under, e)
	if c.parts != nil {
		c.within.end(&c.parts[e.Origin], e)
	}
}

// first says in words which effect came before that of e.
func (c *keyed) first(k *keyState) string {
	return fmt.Sprintf("offset %d of the same key, by %s", k.top-1, c.facts.name(k.topBy))
}
