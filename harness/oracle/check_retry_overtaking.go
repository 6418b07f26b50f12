package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckRetryOvertaking finds the first effect of a record that comes after the first effect of a later record
// of its key. An attempt on the record had failed before that. The record waited for its retry, and the
// consumer went on with the key.
//
// A poison record never has an effect, so no record overtakes it. A dead letter ends the retries of its record:
// an effect after that is a key inversion.
const CheckRetryOvertaking = "retry overtaking"

var _ = register(entry{
	name: CheckRetryOvertaking, gravity: orderBroken + 1,
	finds:  "a key inversion in which the earlier record waited for a retry",
	claim:  "order by key or partition",
	heldTo: heldToKeyOrder, needs: []string{LedgerComplete, NoPodStarved},
	verdict: verdictOf(func(s *judgeState) *findings { return &s.keyOrder.overtaken }),
})

// reportOvertaking notes a first effect after that of a later record, of a record that had failed.
func (c *keyOrder) reportOvertaking(k *keyState, e *ledger.Event, f failure) {
	c.overtaken.addAnomaly(func() harness.Anomaly {
		a := anomalyOf(c.facts, e, "failed at %s in %s; first effect at %s, after the effect of %s",
			formatTime(f.at), c.facts.podName(f.by), formatTime(e.At), c.describeTop(k))
		a.Pods = append(a.Pods, c.facts.podName(k.topBy))
		return a
	})
}
