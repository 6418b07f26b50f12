package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// A regression is a further effect of a record that is of a lower rank than the
// effect of its key right before it: the key stepped back. A rewind gives each
// key with work behind it one, so it is a figure of the design.
var regressionEntry = entry{
	name: CheckRedeliveryOutOfOrder, verdict: func(j *judgeState) harness.Verdict { return j.keyOrder.outOfOrder.toVerdict("") },
	heldTo: heldToNothing,
}

func (c *keyOrder) reportStepBack(k *keyState, e *ledger.Event) {
	c.outOfOrder.addAnomaly(func() harness.Anomaly {
		return anomalyOf(c.facts, e, "again at %s by %s, right after offset %d of the same key", formatTime(e.At), c.facts.podName(e.Owner), k.last.rank()-1)
	})
}
