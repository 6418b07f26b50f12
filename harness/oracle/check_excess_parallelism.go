package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var parallelismEntry = entry{
	name: CheckExcessParallelism, make: func(j *judgeState) check { return &excessParallelism{facts: j.Facts} },
	heldTo: func(f *Facts) string {
		if f.Parallelism == 0 {
			return ""
		}
		return fmt.Sprintf("a parallelism of %d in each pod", f.Parallelism)
	},
	leans: []string{LedgerComplete},
}

// excessParallelism finds attempts that begin while as many others of their incarnation are
// open as the consumer declares to work on at once, or more: a consumer that takes
// its whole window to work at once beats all that keep to their workers. An attempt
// that ends in the instant in which it began is open at no time. Which records they
// are of does not matter.
type excessParallelism struct {
	facts *Facts
	pods  []openAttempts // by incarnation
	most  int
	calls map[callID]int // calls has the attempts open of each
	found findings
}

// openAttempts are the attempts of an incarnation that are open.
type openAttempts struct {
	open        int            // open are those begun before at
	begun       int            // begun are those begun at at, and not ended in it
	instant     time.Duration  // instant is an instant in which attempts began
	beyondLimit []begunAttempt // beyondLimit are the last begun at at: as many as are past the limit, if none of before ends in it
}

// begunAttempt is an attempt that has just begun.
type begunAttempt struct {
	at        time.Duration
	offset    int64
	key, seq  uint32
	partition int32
	topic     uint16
	call      uint32
}

func (c *excessParallelism) Observe(b *batch) {
	if c.facts.Parallelism == 0 {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart:
			if e.Call() == 0 || !c.countInCall(e, 1) {
				c.openAttempt(e)
			}
		case ledger.EventEnd:
			if e.Owner != 0 && (e.Call() == 0 || !c.countInCall(e, -1)) { // an output has none
				c.closeAttempt(e)
			}
		}
	}
}

// callID is one for several records.
type callID struct {
	owner  ledger.Owner
	number uint32
}

// countInCall counts an attempt of a call that begins or ends, and reports whether another
// of it is open: all of one call are one.
func (c *excessParallelism) countInCall(e *ledger.Event, by int) bool {
	if c.calls == nil {
		c.calls = map[callID]int{}
	}
	of := callID{e.Owner, e.Call()}
	others := c.calls[of]
	if by < 0 {
		others--
	}
	if c.calls[of] += by; c.calls[of] <= 0 {
		delete(c.calls, of)
	}
	return others > 0
}

func (c *excessParallelism) openAttempt(e *ledger.Event) {
	h := c.attemptsOf(e.Owner)
	if h.instant != e.At {
		if h.passInstant() {
			c.reportExcess(e.Owner)
		}
		h.instant = e.At
	}
	if h.begun++; h.open+h.begun > c.facts.Parallelism {
		h.beyondLimit = append(h.beyondLimit, begunAttempt{e.At, e.Offset, e.Key, e.Seq, e.Partition, e.Topic, e.Call()})
	}
}

// closeAttempt takes an attempt from those that are open, or were about to be.
func (c *excessParallelism) closeAttempt(e *ledger.Event) {
	h := c.attemptsOf(e.Owner)
	if e.Start < e.At {
		if h.instant != e.At && h.passInstant() {
			c.reportExcess(e.Owner)
		}
		h.open--
		return
	}
	if h.instant != e.At && h.passInstant() { // one of a call that began before
		c.reportExcess(e.Owner)
	}
	h.begun--
	if len(h.beyondLimit) == 0 {
		return
	}
	i := max(0, slices.IndexFunc(h.beyondLimit, func(s begunAttempt) bool { // if it is not among them, the first of them is within the limit now
		return s.call > 0 && s.call == e.Call() || s.topic == e.Topic && s.partition == e.Partition && s.offset == e.Offset && s.key == e.Key && s.seq == e.Seq
	}))
	h.beyondLimit = slices.Delete(h.beyondLimit, i, i+1)
}

// passInstant opens the attempts that began in an instant which has passed and did not end in
// it, and says whether any of them may be past the limit.
func (h *openAttempts) passInstant() (past bool) {
	h.open, h.begun = h.open+h.begun, 0
	return len(h.beyondLimit) > 0
}

// reportExcess notes which of the attempts that an incarnation has just opened are past the
// limit.
func (c *excessParallelism) reportExcess(owner ledger.Owner) {
	h := &c.pods[owner]
	c.most = max(c.most, h.open)
	over := min(len(h.beyondLimit), max(0, h.open-c.facts.Parallelism))
	for i, s := range h.beyondLimit[len(h.beyondLimit)-over:] {
		at := h.open - over + i + 1
		e := ledger.Event{At: s.at, Topic: s.topic, Partition: s.partition, Offset: s.offset, Key: s.key, Seq: s.seq, Owner: owner}
		c.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(c.facts, &e, "begun at %s by %s as the %d. at once, and it declares %d", formatTime(e.At), c.facts.podName(e.Owner), at, c.facts.Parallelism)
		})
	}
	h.beyondLimit = h.beyondLimit[:0]
}

// attemptsOf is what an incarnation has in hand.
func (c *excessParallelism) attemptsOf(o ledger.Owner) *openAttempts {
	for int(o) >= len(c.pods) {
		c.pods = append(c.pods, openAttempts{})
	}
	return &c.pods[o]
}

func (c *excessParallelism) Verdict() harness.Verdict {
	for o := range c.pods {
		if c.pods[o].passInstant() {
			c.reportExcess(ledger.Owner(o))
		}
	}
	detail := ""
	if c.found.count > 0 {
		detail = fmt.Sprintf("up to %d at once in one pod", c.most)
	}
	return c.found.toVerdict(detail)
}
