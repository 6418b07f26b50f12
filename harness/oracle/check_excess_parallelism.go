package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var parallelismEntry = entry{
	name: CheckExcessParallelism, make: func(j *judging) check { return &parallelism{facts: j.Facts} },
	heldTo: func(f *Facts) string {
		if f.Parallelism == 0 {
			return ""
		}
		return fmt.Sprintf("a parallelism of %d in each pod", f.Parallelism)
	},
	leans: []string{LedgerComplete},
}

// parallelism finds attempts that begin while as many others of their incarnation are
// open as the consumer declares to work on at once, or more: a consumer that takes
// its whole window to work at once beats all that keep to their workers. An attempt
// that ends in the instant in which it began is open at no time. Which records they
// are of does not matter.
type parallelism struct {
	facts *Facts
	pods  []hands // by incarnation
	most  int
	calls map[call]int // calls has the attempts open of each
	found findings
}

// hands are the attempts of an incarnation that are open.
type hands struct {
	open  int           // open are those begun before at
	begun int           // begun are those begun at at, and not ended in it
	at    time.Duration // at is an instant in which attempts began
	past  []begun       // past are the last begun at at: as many as are past the limit, if none of before ends in it
}

// begun is an attempt that has just begun.
type begun struct {
	at        time.Duration
	offset    int64
	key, seq  uint32
	partition int32
	topic     uint16
	call      uint32
}

func (c *parallelism) Observe(b *batch) {
	if c.facts.Parallelism == 0 {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart:
			if e.Call() == 0 || !c.further(e, 1) {
				c.start(e)
			}
		case ledger.EventEnd:
			if e.Owner != 0 && (e.Call() == 0 || !c.further(e, -1)) { // an output has none
				c.end(e)
			}
		}
	}
}

// call is one for several records.
type call struct {
	owner  ledger.Owner
	number uint32
}

// further counts an attempt of a call that begins or ends, and reports whether another
// of it is open: all of one call are one.
func (c *parallelism) further(e *ledger.Event, by int) bool {
	if c.calls == nil {
		c.calls = map[call]int{}
	}
	of := call{e.Owner, e.Call()}
	others := c.calls[of]
	if by < 0 {
		others--
	}
	if c.calls[of] += by; c.calls[of] <= 0 {
		delete(c.calls, of)
	}
	return others > 0
}

func (c *parallelism) start(e *ledger.Event) {
	h := c.of(e.Owner)
	if h.at != e.At {
		if h.pass() {
			c.report(e.Owner)
		}
		h.at = e.At
	}
	if h.begun++; h.open+h.begun > c.facts.Parallelism {
		h.past = append(h.past, begun{e.At, e.Offset, e.Key, e.Seq, e.Partition, e.Topic, e.Call()})
	}
}

// end takes an attempt from those that are open, or were about to be.
func (c *parallelism) end(e *ledger.Event) {
	h := c.of(e.Owner)
	if e.Start < e.At {
		if h.at != e.At && h.pass() {
			c.report(e.Owner)
		}
		h.open--
		return
	}
	if h.at != e.At && h.pass() { // one of a call that began before
		c.report(e.Owner)
	}
	h.begun--
	if len(h.past) == 0 {
		return
	}
	i := max(0, slices.IndexFunc(h.past, func(s begun) bool { // if it is not among them, the first of them is within the limit now
		return s.call > 0 && s.call == e.Call() || s.topic == e.Topic && s.partition == e.Partition && s.offset == e.Offset && s.key == e.Key && s.seq == e.Seq
	}))
	h.past = slices.Delete(h.past, i, i+1)
}

// pass opens the attempts that began in an instant which has passed and did not end in
// it, and says whether any of them may be past the limit.
func (h *hands) pass() (past bool) {
	h.open, h.begun = h.open+h.begun, 0
	return len(h.past) > 0
}

// report notes which of the attempts that an incarnation has just opened are past the
// limit.
func (c *parallelism) report(owner ledger.Owner) {
	h := &c.pods[owner]
	c.most = max(c.most, h.open)
	over := min(len(h.past), max(0, h.open-c.facts.Parallelism))
	for i, s := range h.past[len(h.past)-over:] {
		at := h.open - over + i + 1
		e := ledger.Event{At: s.at, Topic: s.topic, Partition: s.partition, Offset: s.offset, Key: s.key, Seq: s.seq, Owner: owner}
		c.found.add(func() harness.Anomaly {
			return anomaly(c.facts, &e, "begun at %s by %s as the %d. at once, and it declares %d", moment(e.At), c.facts.name(e.Owner), at, c.facts.Parallelism)
		})
	}
	h.past = h.past[:0]
}

// of is what an incarnation has in hand.
func (c *parallelism) of(o ledger.Owner) *hands {
	for int(o) >= len(c.pods) {
		c.pods = append(c.pods, hands{})
	}
	return &c.pods[o]
}

func (c *parallelism) Verdict() harness.Verdict {
	for o := range c.pods {
		if c.pods[o].pass() {
			c.report(ledger.Owner(o))
		}
	}
	detail := ""
	if c.found.count > 0 {
		detail = fmt.Sprintf("up to %d at once in one pod", c.most)
	}
	return c.found.verdict(detail)
}
