package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckKeyInversion finds the first effect of a record that comes after the first effect of a later record of
// its key. The order of a key is that of its records by their first position in the source. If the record had a
// failed attempt before that, [CheckRetryOvertaking] counts it instead.
//
// It also finds a redelivery right after the effect of a later record of its key, if both effects are of one
// stable assignment. In that time the owner did not go back to a commit. A redelivery after a rewind is no
// inversion.
//
// Where partitions were added during the run, a key has an order in each of its partitions and none across them.
const CheckKeyInversion = "key inversion"

var _ = register(entry{
	name: CheckKeyInversion, gravity: orderBroken,
	finds:  "first effects of a key out of log order, or redeliveries of one assignment out of order",
	claim:  "order by key or partition",
	heldTo: heldToKeyOrder, needs: []string{LedgerComplete, NoPodStarved},
	verdict: verdictOf(func(s *judgeState) *findings { return &s.keyOrder.inverted }),
})

// reportInversion notes a first effect after that of a later record.
func (c *keyOrder) reportInversion(k *keyState, e *ledger.Event) {
	c.inverted.addAnomaly(func() harness.Anomaly {
		a := anomalyOf(c.facts, e, "first effect at %s, after the effect of %s", formatTime(e.At), c.describeTop(k))
		a.Pods = append(a.Pods, c.facts.podName(k.topBy))
		return a
	})
}

// reportReversal notes a redelivery right after a later record, in one stable assignment.
func (c *keyOrder) reportReversal(k *keyState, e *ledger.Event) {
	c.inverted.addAnomaly(func() harness.Anomaly {
		return anomalyOf(c.facts, e, "completed again at %s, right after offset %d of the same key; %s did not go back to a commit in between",
			formatTime(e.At), k.last.rank()-1, c.facts.podName(e.Owner))
	})
}
