package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckExcessParallelism finds an attempt that begins while its incarnation has as many attempts open as the
// consumer declares, or more. A consumer that works on its whole window at once would beat every consumer that
// keeps to its workers.
//
// An attempt that ends in the instant in which it began is never open. The attempts of one call for several
// records count as one.
const CheckExcessParallelism = "excess parallelism"

var _ = register(entry{
	name: CheckExcessParallelism, gravity: limitsOverridden,
	finds: "more attempts open at once in one pod than the consumer declares",
	claim: "its `Parallelism`",
	heldTo: func(f *Facts) string {
		if f.Parallelism == 0 {
			return ""
		}
		return fmt.Sprintf("a parallelism of %d in each pod", f.Parallelism)
	},
	needs:    []string{LedgerComplete},
	newCheck: func(s *judgeState) check { return &excessParallelism{facts: s.Facts} },
})

type excessParallelism struct {
	facts *Facts
	pods  []openAttempts // pods are by incarnation.
	most  int
	calls map[callID]int // calls are the attempts open of each call.
	found findings
}

// openAttempts are the attempts of an incarnation that are open.
type openAttempts struct {
	open    int           // open are those that began before instant.
	begun   int           // begun are those that began at instant and did not end in it.
	instant time.Duration // instant is the last one in which attempts began.
	// beyondLimit are the last attempts that began at instant: as many as exceed the limit, if no earlier
	// attempt ends in it.
	beyondLimit []begunAttempt
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

// callID names a call for several records.
type callID struct {
	owner  ledger.Owner
	number uint32
}

func (c *excessParallelism) Observe(b *batch) {
	if c.facts.Parallelism == 0 {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart:
			if e.Call == 0 || !c.countInCall(e, 1) {
				c.openAttempt(e)
			}
		case ledger.EventEnd:
			if e.Owner != 0 && (e.Call == 0 || !c.countInCall(e, -1)) { // an output has no owner
				c.closeAttempt(e)
			}
		}
	}
}

// countInCall counts an attempt of a call that begins or ends. It reports whether another attempt of the
// call is open, since all of one call count as one.
func (c *excessParallelism) countInCall(e *ledger.Event, by int) bool {
	if c.calls == nil {
		c.calls = map[callID]int{}
	}
	id := callID{e.Owner, e.Call}
	others := c.calls[id]
	if by < 0 {
		others--
	}
	if c.calls[id] += by; c.calls[id] <= 0 {
		delete(c.calls, id)
	}
	return others > 0
}

func (c *excessParallelism) openAttempt(e *ledger.Event) {
	pod := c.attemptsOf(e.Owner)
	c.passInstant(pod, e)
	pod.instant = e.At
	if pod.begun++; pod.open+pod.begun > c.facts.Parallelism {
		pod.beyondLimit = append(pod.beyondLimit, begunAttempt{e.At, e.Offset, e.Key, e.Seq, e.Partition, e.Topic, e.Call})
	}
}

func (c *excessParallelism) closeAttempt(e *ledger.Event) {
	pod := c.attemptsOf(e.Owner)
	c.passInstant(pod, e) // the attempt may be of a call that began before
	if e.Start < e.At {
		pod.open--
		return
	}
	pod.begun--
	if len(pod.beyondLimit) == 0 {
		return
	}
	// If the attempt is not beyond the limit, the first one that is comes within it.
	i := max(0, slices.IndexFunc(pod.beyondLimit, func(s begunAttempt) bool { return s.isOf(e) }))
	pod.beyondLimit = slices.Delete(pod.beyondLimit, i, i+1)
}

func (s *begunAttempt) isOf(e *ledger.Event) bool {
	return s.call > 0 && s.call == e.Call ||
		s.topic == e.Topic && s.partition == e.Partition && s.offset == e.Offset && s.key == e.Key && s.seq == e.Seq
}

// passInstant reports the excess of the last instant, if the event is past it.
func (c *excessParallelism) passInstant(pod *openAttempts, e *ledger.Event) {
	if pod.instant != e.At && pod.openBegun() {
		c.reportExcess(e.Owner)
	}
}

// openBegun opens the attempts that began in the last instant and did not end in it. It reports whether
// any of them may be beyond the limit.
func (pod *openAttempts) openBegun() bool {
	pod.open, pod.begun = pod.open+pod.begun, 0
	return len(pod.beyondLimit) > 0
}

// reportExcess reports which of the attempts that an incarnation has just opened are beyond the limit.
func (c *excessParallelism) reportExcess(owner ledger.Owner) {
	pod := &c.pods[owner]
	c.most = max(c.most, pod.open)
	over := min(len(pod.beyondLimit), max(0, pod.open-c.facts.Parallelism))
	for i, s := range pod.beyondLimit[len(pod.beyondLimit)-over:] {
		open := pod.open - over + i + 1
		e := ledger.Event{At: s.at, Topic: s.topic, Partition: s.partition, Offset: s.offset, Key: s.key, Seq: s.seq, Owner: owner}
		c.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(c.facts, &e, "begun at %s by %s, with %d attempts open at once; it declares %d", formatTime(e.At), c.facts.podName(e.Owner), open, c.facts.Parallelism)
		})
	}
	pod.beyondLimit = pod.beyondLimit[:0]
}

// attemptsOf are the open attempts of an incarnation.
func (c *excessParallelism) attemptsOf(o ledger.Owner) *openAttempts {
	for int(o) >= len(c.pods) {
		c.pods = append(c.pods, openAttempts{})
	}
	return &c.pods[o]
}

func (c *excessParallelism) Verdict() harness.Verdict {
	for o := range c.pods {
		if c.pods[o].openBegun() {
			c.reportExcess(ledger.Owner(o))
		}
	}
	detail := ""
	if c.found.count > 0 {
		detail = fmt.Sprintf("up to %d attempts open at once in one pod", c.most)
	}
	return c.found.toVerdict(detail)
}
