package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var parallelismEntry = entry{
	name: "parallelism", make: func(j *judging) check { return &parallelism{facts: j.Facts} },
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
	open  []int // by incarnation
	most  int
	calls map[call]int // calls has the attempts open of each
	begun []begun      // begun are the starts of this instant
	found findings
}

// begun is an attempt that has just begun.
type begun struct {
	at        time.Duration
	offset    int64
	key, seq  uint32
	partition int32
	topic     uint16
	owner     ledger.Owner
	call      uint32
}

func (c *parallelism) Observe(b *batch) {
	if c.facts.Parallelism == 0 {
		return
	}
	for _, e := range b.Work {
		if len(c.begun) > 0 && c.begun[0].at != e.At {
			c.take()
		}
		switch e.Edge {
		case ledger.EdgeStart:
			if c.further(e, 1) {
				continue
			}
			c.begun = append(c.begun, begun{e.At, e.Offset, e.Key, e.Seq, e.Partition, e.Topic, e.Owner, e.Call()})
		case ledger.EdgeEnd:
			if e.Owner != 0 && !c.further(e, -1) { // an output has none
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

// further counts an attempt that begins or ends, and reports whether another of its call
// is open: all of one call are one.
func (c *parallelism) further(e *ledger.Event, by int) bool {
	if e.Call() == 0 {
		return false
	}
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

// end takes an attempt from those that are open, or were about to be.
func (c *parallelism) end(e *ledger.Event) {
	if e.Start < e.At {
		*c.of(e.Owner)--
		return
	}
	for i, s := range c.begun {
		if s.call > 0 && s.owner == e.Owner && s.call == e.Call() || s.owner == e.Owner && s.topic == e.Topic && s.partition == e.Partition && s.offset == e.Offset && s.key == e.Key && s.seq == e.Seq {
			c.begun = append(c.begun[:i], c.begun[i+1:]...)
			return
		}
	}
}

// take opens the attempts that began in an instant and did not end in it.
func (c *parallelism) take() {
	for _, s := range c.begun {
		open := c.of(s.owner)
		*open++
		c.most = max(c.most, *open)
		if *open <= c.facts.Parallelism {
			continue
		}
		e := ledger.Event{At: s.at, Topic: s.topic, Partition: s.partition, Offset: s.offset, Key: s.key, Seq: s.seq, Owner: s.owner}
		c.found.add(func() harness.Anomaly {
			return anomaly(c.facts, &e, "begun at %s by %s as the %d. at once, and it declares %d", moment(e.At), c.facts.name(e.Owner), *open, c.facts.Parallelism)
		})
	}
	c.begun = c.begun[:0]
}

// of is how many attempts of an incarnation are open.
func (c *parallelism) of(o ledger.Owner) *int {
	for int(o) >= len(c.open) {
		c.open = append(c.open, 0)
	}
	return &c.open[o]
}

func (c *parallelism) Verdict() harness.Verdict {
	c.take()
	detail := ""
	if c.found.count > 0 {
		detail = fmt.Sprintf("up to %d at once in one pod", c.most)
	}
	return c.found.verdict(detail)
}
