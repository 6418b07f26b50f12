package oracle

import (
	"fmt"
	"math"
	"slices"
	"time"
	"unsafe"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// keyed is what happened on each key: one state for the checks of the order by
// key, which the first of them feeds. The order of a key is that of its records by
// their first position in the source, their rank; a key lies in one partition.
//
// Effects and failures of unfenced work, which nobody is to blame for, are left out.
type keyed struct {
	facts   *Facts
	keys    perKey[keyState]
	more    [][]working // attempts under way on keys that have several, by keyState.more
	unused  []int32     // of more
	alone   [1]working  // room for others
	touched uint64      // touched keeps fetch from being optimised away
	failed  map[ledger.Position]failure
	hunger  hunger

	inverted, overtaken, steppedBack findings
	overlapped                       findings
	across                           int64 // across is how many overlaps are of two pods
}

// keyState is a key. It is small, since there may be a million.
type keyState struct {
	top     int64         // top is the rank of the first effect furthest ahead + 1, 0 before any
	last    int64         // last is the rank of the latest effect + 1
	quiet   time.Duration // quiet is when the latest attempt ended
	start   time.Duration // start, seq, part, topic and owner are of the attempt under way if there is one
	seq     uint32
	part    int32
	more    int32 // more is the place of the attempts under way if there are several
	topic   uint16
	owner   ledger.Owner
	topBy   ledger.Owner
	failing uint16 // failing records, which have an entry in keyed.failed; stays at its maximum
	under   uint8  // under way: none, one, or several
}

const (
	underNone = iota
	underOne
	underSeveral
)

var _ [56]byte = [unsafe.Sizeof(keyState{})]byte{} // with 4 bytes of the log's, under 64 a key

// working is an attempt under way.
type working struct {
	start time.Duration
	seq   uint32
	part  int32
	topic uint16
	owner ledger.Owner
}

// failure is a record with a failed attempt and no effect yet.
type failure struct {
	at     time.Duration
	by     ledger.Owner
	behind bool // behind: a later record of its key had its effect before the failure
}

func (f *Facts) byKey() *keyed {
	if f.keyed == nil {
		f.keyed = &keyed{facts: f, failed: map[ledger.Position]failure{}, hunger: newHunger(f)}
	}
	return f.keyed
}

// view is one of the checks; found and detail are what it found.
func (c *keyed) view(name string, first bool, found *findings, detail func() string) Check {
	v := &view{name: name, verdict: func() harness.Verdict { return found.verdict(detail()) }}
	if first {
		v.observe = c.observe
	}
	return v
}

// atOnce is how many events have their keys fetched together.
const atOnce = 32

func (c *keyed) observe(events []*ledger.Event) {
	for len(events) > 0 {
		n := min(atOnce, len(events))
		c.fetch(events[:n])
		c.take(events[:n])
		events = events[n:]
	}
}

// fetch touches the states of keys that are soon needed. There are too many for
// the processor's caches, and its misses overlap where nothing waits for them.
func (c *keyed) fetch(events []*ledger.Event) {
	for _, e := range events {
		if e.Edge == ledger.EdgeStart && e.Held {
			k := c.keys.at(e.Key)
			c.touched += uint64(k.top) + uint64(k.under)
		}
	}
}

func (c *keyed) take(events []*ledger.Event) {
	for _, e := range events {
		if !e.Held {
			switch e.Edge {
			case ledger.EdgeOwned, ledger.EdgeReleased, ledger.EdgeRewound, ledger.EdgeHeal:
				c.hunger.group(e)
			}
			continue
		}
		switch e.Edge {
		case ledger.EdgeStart:
			c.begin(c.keys.at(e.Key), e)
		case ledger.EdgeEnd:
			k := c.keys.at(e.Key)
			if !c.facts.isOutput(e) {
				c.end(k, e)
			}
			switch {
			case e.Unfenced:
			case e.Outcome == ledger.OutcomeEffect:
				c.effect(k, e)
			case e.Outcome == ledger.OutcomeError:
				c.fail(k, e)
			}
		case ledger.EdgeCustody:
			if c.facts.role(e.Topic) == harness.RoleDeadLetter {
				c.forget(c.keys.at(e.Key), e)
			}
		}
	}
}

// effect takes an effect of the key.
func (c *keyed) effect(k *keyState, e *ledger.Event) {
	rank := e.Source + 1
	c.hunger.effect(e)
	switch {
	case !e.First:
		if rank < k.last {
			c.stepBack(k, e)
		}
	case rank > k.top:
		k.top, k.topBy = rank, e.Owner
	default:
		c.late(k, e)
	}
	k.last = rank
	c.forget(k, e)
}

// late takes a first effect behind one of a later record.
func (c *keyed) late(k *keyState, e *ledger.Event) {
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

// begin adds an attempt to those under way on the key.
func (c *keyed) begin(k *keyState, e *ledger.Event) {
	if e.Unfenced {
		return
	}
	if k.under == underNone {
		c.hunger.start(k, e)
	}
	a := working{e.At, e.Seq, e.Partition, e.Topic, e.Owner}
	switch k.under {
	case underNone:
		k.set(a)
	case underOne:
		c.overlap(k, e)
		if len(c.unused) == 0 {
			c.unused = append(c.unused, int32(len(c.more)))
			c.more = append(c.more, nil)
		}
		k.more, c.unused = c.unused[len(c.unused)-1], c.unused[:len(c.unused)-1]
		c.more[k.more] = append(c.more[k.more][:0], k.one(), a)
		k.under = underSeveral
	default:
		c.overlap(k, e)
		c.more[k.more] = append(c.more[k.more], a)
	}
}

// end takes an attempt from those under way.
func (c *keyed) end(k *keyState, e *ledger.Event) {
	k.quiet = e.At
	switch k.under {
	case underOne:
		if k.one().is(e) {
			k.under = underNone
		}
	case underSeveral:
		list := c.more[k.more]
		i := slices.IndexFunc(list, func(a working) bool { return a.is(e) })
		if i < 0 {
			return
		}
		if list = slices.Delete(list, i, i+1); len(list) == 1 {
			k.set(list[0])
			c.unused = append(c.unused, k.more)
		}
		c.more[k.more] = list
	}
}

func (a working) is(e *ledger.Event) bool {
	return a.start == e.Start && a.owner == e.Owner && a.seq == e.Seq
}

func (k *keyState) one() working { return working{k.start, k.seq, k.part, k.topic, k.owner} }

func (k *keyState) set(a working) {
	k.start, k.seq, k.part, k.topic, k.owner, k.under = a.start, a.seq, a.part, a.topic, a.owner, underOne
}

// others are the attempts under way.
func (c *keyed) others(k *keyState) []working {
	if k.under == underSeveral {
		return c.more[k.more]
	}
	c.alone[0] = k.one()
	return c.alone[:]
}

func noDetail() string { return "" }

// first says in words which effect came before that of e.
func (c *keyed) first(k *keyState) string {
	return fmt.Sprintf("offset %d of the same key, by %s", k.top-1, c.facts.name(k.topBy))
}
