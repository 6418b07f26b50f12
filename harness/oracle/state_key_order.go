package oracle

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// keyOrder is what happened on each key: one state for all checks of the order by key. The order of a key is
// that of its records by their first position in the source, their rank. A key lies in one partition, unless
// partitions were added: then its records in each partition have an order of their own.
//
// Effects and failures of unfenced work are left out: the consumer cannot prevent them.
type keyOrder struct {
	facts       *Facts
	fences      *fences // fences know which member a group had expelled.
	stable      *stableAssignments
	keys        placedKeys[keyState]
	inFlight    inFlight                    // inFlight are the attempts in flight, in lists by key.
	byPartition []int32                     // byPartition are lists of them by partition of the source, if the consumer claims that order.
	inPartition inFlight                    // inPartition has the slots of byPartition.
	failed      map[ledger.Position]failure // failed are records with a failed attempt and no effect so far.
	starvation  starvation

	inverted   findings
	overtaken  findings
	outOfOrder findings
	overlapped findings
	acrossPods int64 // acrossPods is how many overlaps are of two pods.
}

// keyState is a key. There may be a million keys, so it is small: two share a cache line, and attempts in
// flight lie elsewhere.
type keyState struct {
	top      int64 // top is the highest rank of a first effect + 1, 0 before any.
	last     lastEffect
	lastEnd  time.Duration // lastEnd is when the latest attempt ended.
	inFlight int32         // inFlight is the list of the attempts in flight, in keyOrder.inFlight.
	topBy    ledger.Owner
	failing  uint16 // failing counts the key's records in keyOrder.failed. It stays at its maximum.
}

var _ [32]byte = [unsafe.Sizeof(keyState{})]byte{} // with 4 bytes of the log's, under 64 a key

// lastEffect is the latest effect of a key: its rank + 1, and above that the number of its stable assignment.
// The zero value is none.
type lastEffect uint64

const rankBits = 48

func newLastEffect(rank int64, stableAssignment uint16) lastEffect {
	return lastEffect(rank) | lastEffect(stableAssignment)<<rankBits
}

func (l lastEffect) rank() int64              { return int64(l & (1<<rankBits - 1)) }
func (l lastEffect) stableAssignment() uint16 { return uint16(l >> rankBits) }

// failure is the first failed attempt on a record.
type failure struct {
	at  time.Duration
	by  ledger.Owner
	top int64 // top is that of the key before the failure.
}

func newKeyOrder(f *Facts, fences *fences) *keyOrder {
	c := &keyOrder{facts: f, fences: fences, stable: newStableAssignments(f), failed: map[ledger.Position]failure{}, starvation: newStarvation(f)}
	c.keys.moving = f.Added > 0
	if f.Order == harness.OrderPartition {
		c.byPartition = make([]int32, f.Partitions)
	}
	return c
}

func (c *keyOrder) trackKeys(b *batch) {
	for _, e := range b.Work {
		if !e.Held {
			c.trackOwners(e)
			continue
		}
		switch e.Kind {
		case ledger.EventStart:
			if !e.Unfenced {
				c.beginOnKey(c.keys.valueIn(e.Key, e.Origin), e)
			}
		case ledger.EventEnd:
			k := c.keys.valueIn(e.Key, e.Origin)
			if !c.facts.isOutput(e) {
				c.endOnKey(k, e)
			}
			switch {
			case e.Unfenced:
			case e.Outcome == ledger.OutcomeEffect:
				c.trackEffect(k, e)
			case isFailure(e):
				c.addFailed(k, e)
			}
		case ledger.EventCopied:
			if c.facts.roleOf(e.Topic) == harness.RoleDeadLetter {
				c.forgetFailed(c.keys.valueIn(e.Key, e.Origin), e)
			}
		}
	}
}

// trackOwners notes an event of members and faults.
func (c *keyOrder) trackOwners(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventHeal:
		c.starvation.resetStretches(e)
		c.stable.trackChange(e)
	case ledger.EventDown, ledger.EventExpelled:
		c.stable.trackChange(e)
	}
}

// prefetchKey fetches the state of a key that is needed soon. A million keys do not fit in the processor's
// caches, and to wait for each costs more than all that is done with it.
func (c *keyOrder) prefetchKey(key uint32) {
	if k := c.keys.peekValue(key); k != nil {
		prefetch(unsafe.Pointer(k))
	}
}

// trackEffect notes an effect of the key.
func (c *keyOrder) trackEffect(k *keyState, e *ledger.Event) {
	rank, stable := e.Source+1, c.stable.numberOf(e)
	c.starvation.trackPassed(e)
	switch {
	case !e.First:
		if rank < k.last.rank() {
			c.reportStepBack(k, e)
			if stable != noStableAssignment && stable == k.last.stableAssignment() {
				c.reportReversal(k, e)
			}
		}
	case rank > k.top:
		k.top, k.topBy = rank, e.Owner
	default:
		c.judgeLateEffect(k, e)
	}
	k.last = newLastEffect(rank, stable)
	c.forgetFailed(k, e)
}

// judgeLateEffect judges a first effect after the first effect of a later record.
func (c *keyOrder) judgeLateEffect(k *keyState, e *ledger.Event) {
	if k.failing > 0 {
		if f, ok := c.failed[c.recordOf(e)]; ok && f.top <= e.Source+1 {
			c.reportOvertaking(k, e, f)
			return
		}
	}
	c.reportInversion(k, e)
}

// addFailed notes the first failed attempt on a record.
func (c *keyOrder) addFailed(k *keyState, e *ledger.Event) {
	if _, ok := c.failed[c.recordOf(e)]; ok {
		return
	}
	c.failed[c.recordOf(e)] = failure{at: e.At, by: e.Owner, top: k.top}
	if k.failing < math.MaxUint16 {
		k.failing++
	}
}

// forgetFailed drops the failure of a record that is completed.
func (c *keyOrder) forgetFailed(k *keyState, e *ledger.Event) {
	if k.failing == 0 {
		return
	}
	if _, ok := c.failed[c.recordOf(e)]; ok {
		delete(c.failed, c.recordOf(e))
		if k.failing < math.MaxUint16 {
			k.failing--
		}
	}
}

// recordOf is the first position in the source of an event's record.
func (c *keyOrder) recordOf(e *ledger.Event) ledger.Position {
	return c.facts.Log.firstPosition(sourcePosition(e))
}

// sourcePosition is the position in the source that an event is of.
func sourcePosition(e *ledger.Event) ledger.Position {
	return ledger.Position{Partition: e.Origin, Offset: e.Source}
}

// beginOnKey adds an attempt to those in flight on the key, and in the partition.
func (c *keyOrder) beginOnKey(k *keyState, e *ledger.Event) {
	switch {
	case k.inFlight == 0:
		c.starvation.judgeWait(k, e)
	case c.byPartition == nil:
		c.findOverlap(&c.inFlight, k.inFlight, e)
	}
	c.inFlight.pushAttempt(&k.inFlight, e)
	if c.byPartition != nil {
		list := &c.byPartition[e.Origin]
		c.findOverlap(&c.inPartition, *list, e)
		c.inPartition.pushAttempt(list, e)
	}
}

// endOnKey takes an attempt from those in flight.
func (c *keyOrder) endOnKey(k *keyState, e *ledger.Event) {
	k.lastEnd = e.At
	c.inFlight.removeAttempt(&k.inFlight, e)
	if c.byPartition != nil {
		c.inPartition.removeAttempt(&c.byPartition[e.Origin], e)
	}
}

// describeTop says in words which first effect of the key is the furthest.
func (c *keyOrder) describeTop(k *keyState) string {
	return fmt.Sprintf("offset %d of the same key, by %s", k.top-1, c.facts.podName(k.topBy))
}
