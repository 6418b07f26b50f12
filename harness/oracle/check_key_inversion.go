package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// An inversion is the first effect of a record after that of a later record of its
// key, by rank. It is none, but a retry overtaking, if the record had had a failed
// attempt before the first such effect. A redelivery that steps back is none where a
// rewind lies between, since its record had its first effect in order. Where it is right
// behind the effect of a later record, and both are of one stint, see [stableAssignments], it is one:
// who goes back to a commit goes through each key from there on in order.
var inversionEntry = entry{
	name: CheckKeyInversion, verdict: func(j *judgeState) harness.Verdict { return j.keyOrder.inverted.toVerdict("") },
	heldTo: heldToKeyOrder, leans: []string{LedgerComplete, NoPodStarved},
}

func (c *keyOrder) reportInversion(k *keyState, e *ledger.Event) {
	c.inverted.addAnomaly(func() harness.Anomaly {
		a := anomalyOf(c.facts, e, "first effect at %s, after that of %s", formatTime(e.At), c.describeTop(k))
		a.Pods = append(a.Pods, c.facts.podName(k.topBy))
		return a
	})
}

func (c *keyOrder) reportReversal(k *keyState, e *ledger.Event) {
	c.inverted.addAnomaly(func() harness.Anomaly {
		return anomalyOf(c.facts, e, "again at %s, right after offset %d of the same key, and %s went back to no commit in between",
			formatTime(e.At), k.last.rank()-1, c.facts.podName(e.Owner))
	})
}
