package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckRedeliveryOutOfOrder counts further effects of a record right after the effect of a later record of its
// key. A rewind causes one of them for each key with completed work: they are a cost of the design.
const CheckRedeliveryOutOfOrder = "redelivery out of order"

var _ = register(entry{
	name: CheckRedeliveryOutOfOrder, gravity: designCosts + 1,
	finds:   "a further effect of a record right after the effect of a later record of its key",
	claim:   "not judged",
	verdict: verdictOf(func(s *judgeState) *findings { return &s.keyOrder.outOfOrder }),
})

// reportStepBack notes a redelivery right after the effect of a later record.
func (c *keyOrder) reportStepBack(k *keyState, e *ledger.Event) {
	c.outOfOrder.addAnomaly(func() harness.Anomaly {
		return anomalyOf(c.facts, e, "completed again at %s by %s, right after offset %d of the same key", formatTime(e.At), c.facts.podName(e.Owner), k.last.rank()-1)
	})
}
