package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckOverlap finds an attempt that begins while another attempt on its key is in flight, in one pod or in two.
// If the consumer claims order by partition, an attempt on any record of the partition counts. If there are
// several, the evidence names the pod of the one that began last.
//
// Unfenced attempts overlap nothing, nor do attempts that an expelled pod had begun before its expulsion. The
// attempts of one call for several records do not overlap one another: their effects come in the order of the
// call.
const CheckOverlap = "overlap"

var _ = register(entry{
	name: CheckOverlap, gravity: orderBroken + 2,
	finds:  "two attempts at once on one key, or on one partition if the consumer claims order by partition",
	claim:  "order by key or partition",
	heldTo: heldToKeyOrder, needs: []string{LedgerComplete, NoPodStarved}, marks: marksStart,
	verdict: func(s *judgeState) harness.Verdict { return s.keyOrder.overlapVerdict() },
})

// findOverlap looks for another attempt in flight in a list as e begins.
func (c *keyOrder) findOverlap(attempts *inFlight, list int32, e *ledger.Event) {
	for i := list; i != 0; i = attempts.slots[i].earlier {
		other := &attempts.slots[i]
		if other.owner == e.Owner && other.call != 0 && other.call == e.Call {
			continue
		}
		place := ledger.Position{Topic: other.topic, Partition: other.part}
		if c.fences.isUnfenced(place, other.owner, other.start, e.At) {
			continue
		}
		c.reportOverlap(other, e)
		return
	}
}

func (c *keyOrder) reportOverlap(other *inFlightAttempt, e *ledger.Event) {
	pod := "the pod"
	if other.owner != e.Owner {
		c.acrossPods++
		pod = c.facts.podName(other.owner)
	}
	c.overlapped.addAnomaly(func() harness.Anomaly {
		record := fmt.Sprintf("seq %d of the same key", other.seq)
		if other.key != e.Key {
			record = fmt.Sprintf("seq %d of key %d in the same partition", other.seq, other.key)
		}
		a := anomalyOf(c.facts, e, "begun at %s by %s; %s had been working on %s since %s",
			formatTime(e.At), c.facts.podName(e.Owner), pod, record, formatTime(other.start))
		if other.owner != e.Owner {
			a.Pods = append(a.Pods, pod)
		}
		return a
	})
}

func (c *keyOrder) overlapVerdict() harness.Verdict {
	detail := ""
	if n := c.overlapped.count; n > 0 {
		detail = fmt.Sprintf("%d within one pod, %d across two", n-c.acrossPods, c.acrossPods)
	}
	return c.overlapped.toVerdict(detail)
}
