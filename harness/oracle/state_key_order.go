package oracle

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// keyOrder is what happened on each key: one state for the checks of the order by
// key. The order of a key is that of its records by
// their first position in the source, their rank; a key lies in one partition.
//
// Effects and failures of unfenced work, which nobody is to blame for, are left out.
type keyOrder struct {
	facts       *Facts
	fences      *fences // asked who had been expelled
	stable      *stableAssignments
	keys        keyTable[keyState]
	inFlight    inFlight // attempts under way, in lists by key
	byPartition []int32  // byPartition are lists of them by partition of the source, where that is the order that is claimed
	inPartition inFlight // inPartition is what parts are lists of
	failed      map[ledger.Position]failure
	starvation  starvation

	inverted, overtaken, outOfOrder findings
	overlapped                      findings
	acrossPods                      int64 // acrossPods is how many overlaps are of two pods
}

// keyState is a key. It is small, since there may be a million: two share a cache
// line, and what is under way lies elsewhere.
type keyState struct {
	top      int64 // top is the rank of the first effect furthest ahead + 1, 0 before any
	last     lastEffect
	lastEnd  time.Duration // lastEnd is when the latest attempt ended
	inFlight int32         // inFlight is the list of the attempts under way, in keyed.under
	topBy    ledger.Owner
	failing  uint16 // failing records, which have an entry in keyed.failed; stays at its maximum
}

// lastEffect is the latest effect of a key: its rank + 1, and above that the number of the
// stint it was of. The zero value is none.
type lastEffect uint64

const rankBits = 48

func newLastEffect(rank int64, stint uint16) lastEffect {
	return lastEffect(rank) | lastEffect(stint)<<rankBits
}

func (l lastEffect) rank() int64              { return int64(l & (1<<rankBits - 1)) }
func (l lastEffect) stableAssignment() uint16 { return uint16(l >> rankBits) }

var _ [32]byte = [unsafe.Sizeof(keyState{})]byte{} // with 4 bytes of the log's, under 64 a key

// failure is a record with a failed attempt and no effect yet.
type failure struct {
	at     time.Duration
	by     ledger.Owner
	behind bool // behind: a later record of its key had its effect before the failure
}

func newKeyOrder(f *Facts, fences *fences) *keyOrder {
	c := &keyOrder{facts: f, fences: fences, stable: newStableAssignments(f), failed: map[ledger.Position]failure{}, starvation: newStarvation(f)}
	if f.Order == harness.OrderPartition {
		c.byPartition = make([]int32, f.Partitions)
	}
	return c
}

func (c *keyOrder) trackKeys(b *batch) {
	for _, e := range b.Work {
		if !e.Held {
			switch e.Kind {
			case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventHeal:
				c.starvation.resetStretches(e)
				c.stable.trackOwners(e)
			case ledger.EventDown, ledger.EventExpelled:
				c.stable.trackOwners(e)
			}
			continue
		}
		switch e.Kind {
		case ledger.EventStart:
			if !e.Unfenced {
				c.beginOnKey(c.keys.valueOf(e.Key), e)
			}
		case ledger.EventEnd:
			k := c.keys.valueOf(e.Key)
			if !c.facts.isOutput(e) {
				c.endOnKey(k, e)
			}
			switch {
			case e.Unfenced:
			case e.Outcome == ledger.OutcomeEffect:
				c.trackEffect(k, e)
			case isFailure(e):
				c.trackFailure(k, e)
			}
		case ledger.EventCopied:
			if c.facts.roleOf(e.Topic) == harness.RoleDeadLetter {
				c.forgetFailure(c.keys.valueOf(e.Key), e)
			}
		}
	}
}

// prefetchKey has the state of a key fetched that is soon needed. There are too many for
// the processor's caches, and to wait for each would cost more than all that is done
// with it.
func (c *keyOrder) prefetchKey(key uint32) {
	if k := c.keys.peekValue(key); k != nil {
		prefetch(unsafe.Pointer(k))
	}
}

// trackEffect takes an effect of the key.
func (c *keyOrder) trackEffect(k *keyState, e *ledger.Event) {
	rank, stint := e.Source+1, c.stable.numberOf(e)
	c.starvation.trackPassed(e)
	switch {
	case !e.First:
		if rank < k.last.rank() {
			c.reportStepBack(k, e)
			if stint != 0 && stint == k.last.stableAssignment() {
				c.reportReversal(k, e)
			}
		}
	case rank > k.top:
		k.top, k.topBy = rank, e.Owner
	default:
		c.reportFirstOutOfOrder(k, e)
	}
	k.last = newLastEffect(rank, stint)
	c.forgetFailure(k, e)
}

// reportFirstOutOfOrder takes a first effect behind one of a later record.
func (c *keyOrder) reportFirstOutOfOrder(k *keyState, e *ledger.Event) {
	if k.failing > 0 {
		if f, ok := c.failed[sourcePosition(e)]; ok && !f.behind {
			c.reportOvertaking(k, e, f)
			return
		}
	}
	c.reportInversion(k, e)
}

// trackFailure notes the first failed attempt of a record.
func (c *keyOrder) trackFailure(k *keyState, e *ledger.Event) {
	if _, ok := c.failed[sourcePosition(e)]; ok {
		return
	}
	c.failed[sourcePosition(e)] = failure{at: e.At, by: e.Owner, behind: k.top > e.Source+1}
	if k.failing < math.MaxUint16 {
		k.failing++
	}
}

// forgetFailure drops the failures of a record that is finished.
func (c *keyOrder) forgetFailure(k *keyState, e *ledger.Event) {
	if k.failing == 0 {
		return
	}
	if _, ok := c.failed[sourcePosition(e)]; ok {
		delete(c.failed, sourcePosition(e))
		if k.failing < math.MaxUint16 {
			k.failing--
		}
	}
}

// sourcePosition is where the record of an event first lay.
func sourcePosition(e *ledger.Event) ledger.Position {
	return ledger.Position{Partition: e.Origin, Offset: e.Source}
}

// beginOnKey adds an attempt to those under way on the key, and in the partition.
func (c *keyOrder) beginOnKey(k *keyState, e *ledger.Event) {
	switch {
	case k.inFlight == 0:
		c.starvation.judgeWait(k, e)
	case c.byPartition == nil:
		c.findOverlap(&c.inFlight, k.inFlight, e)
	}
	c.inFlight.pushAttempt(&k.inFlight, e)
	if c.byPartition != nil {
		p := &c.byPartition[e.Origin]
		c.findOverlap(&c.inPartition, *p, e)
		c.inPartition.pushAttempt(p, e)
	}
}

// endOnKey takes an attempt from those under way.
func (c *keyOrder) endOnKey(k *keyState, e *ledger.Event) {
	k.lastEnd = e.At
	c.inFlight.removeAttempt(&k.inFlight, e)
	if c.byPartition != nil {
		c.inPartition.removeAttempt(&c.byPartition[e.Origin], e)
	}
}

// describeTop says in words which effect came before that of e.
func (c *keyOrder) describeTop(k *keyState) string {
	return fmt.Sprintf("offset %d of the same key, by %s", k.top-1, c.facts.podName(k.topBy))
}
