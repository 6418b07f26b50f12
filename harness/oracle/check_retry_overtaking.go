package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// A retry overtaking is the first effect of a record after that of a later record
// of its key, where the record had had a failed attempt before the first such
// effect: it waited to be tried again and the key went on. A record that never has
// an effect, because it is poison, was overtaken by nobody. A dead letter ends the
// retries before it: an effect in spite of it is an inversion.
var overtakingEntry = entry{
	name: CheckRetryOvertaking, verdict: func(j *judgeState) harness.Verdict { return j.keyOrder.overtaken.toVerdict("") },
	heldTo: heldToKeyOrder, leans: []string{LedgerComplete, NoPodStarved},
}

func (c *keyOrder) reportOvertaking(k *keyState, e *ledger.Event, f failure) {
	c.overtaken.addAnomaly(func() harness.Anomaly {
		a := anomalyOf(c.facts, e, "failed at %s by %s, and had its first effect at %s, after that of %s",
			formatTime(f.at), c.facts.podName(f.by), formatTime(e.At), c.describeTop(k))
		a.Pods = append(a.Pods, c.facts.podName(k.topBy))
		return a
	})
}
