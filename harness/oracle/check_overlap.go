package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// An overlap is an attempt that begins while another on its key is under way, or, of a
// consumer that claims order by partition, on any record of its partition of the source;
// in one pod or in two: in which, the latest begun of the others decides. Unfenced
// attempts overlap nothing; nor do, once the group has expelled their pod, those
// that it had begun before. Nor do the attempts of one call for several records
// overlap one another: their effects come in the order of the call, and an order
// that is not the log's is an inversion.
var overlapEntry = entry{
	name: CheckOverlap, verdict: func(j *judgeState) harness.Verdict {
		return j.keyOrder.overlapped.toVerdict(j.keyOrder.overlapDetail())
	},
	heldTo: heldToKeyOrder, leans: []string{LedgerComplete, NoPodStarved},
}

// findOverlap looks for another attempt under way in a list as e begins.
func (c *keyOrder) findOverlap(u *inFlight, list int32, e *ledger.Event) {
	for i := list; i != 0; i = u.slots[i].earlier {
		other := &u.slots[i]
		if other.owner == e.Owner && other.call != 0 && other.call == e.Call() {
			continue
		}
		place := ledger.Position{Topic: other.topic, Partition: other.part}
		if c.fences.isUnfenced(place, other.owner, other.start, e.At) {
			continue
		}
		where := "it"
		if other.owner != e.Owner {
			c.acrossPods++
			where = c.facts.podName(other.owner)
		}
		c.overlapped.addAnomaly(func() harness.Anomaly {
			what := fmt.Sprintf("seq %d of the same key", other.seq)
			if other.key != e.Key {
				what = fmt.Sprintf("seq %d of key %d, in the same partition,", other.seq, other.key)
			}
			a := anomalyOf(c.facts, e, "begun at %s by %s, while %s worked on %s since %s",
				formatTime(e.At), c.facts.podName(e.Owner), where, what, formatTime(other.start))
			if other.owner != e.Owner {
				a.Pods = append(a.Pods, where)
			}
			return a
		})
		return
	}
}

func (c *keyOrder) overlapDetail() string {
	if c.overlapped.count == 0 {
		return ""
	}
	return fmt.Sprintf("%d within one pod, %d across two", c.overlapped.count-c.acrossPods, c.acrossPods)
}
