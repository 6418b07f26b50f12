package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckDeliveryCount finds an attempt in a share group whose delivery count is above the group's limit. It also
// finds an attempt whose count is no higher than that of an earlier delivery that its owner released.
// A fault excuses that if the broker may not have got the release, and forgets deliveries.
//
// If an attempt begins in the instant of its owner's release and is open when the release comes, the release
// was before it.
const CheckDeliveryCount = "delivery count"

var _ = register(entry{
	name: CheckDeliveryCount, gravity: outcomesWrong + 4,
	finds:  "a record of a share group that was delivered too often, or whose count did not rise after a release",
	claim:  "the group's limit of deliveries, in a share group",
	heldTo: heldToShare("the group's limit of deliveries"), needs: []string{LedgerComplete}, marks: marksStart,
	verdict: verdictOf(func(s *judgeState) *findings { return &s.shares.miscounted }),
})

// judgeDeliveryCount judges the delivery count of an attempt that begins.
func (s *shareGroup) judgeDeliveryCount(e *ledger.Event, list []*delivery) {
	if limit := s.facts.Deliveries; limit > 0 && int(e.Deliveries) > limit {
		s.miscounted.addAnomaly(func() harness.Anomaly {
			return anomalyOf(s.facts, e, "begun at %s as delivery %d; the group allows %d", formatTime(e.At), e.Deliveries, limit)
		})
		return
	}
	for _, d := range list {
		if d.released && e.Deliveries > 0 && e.Deliveries <= d.count && !(d.unsure && s.mayHaveForgotten(d.owner, d.faults)) {
			s.miscounted.addAnomaly(func() harness.Anomaly {
				return anomalyOf(s.facts, e, "begun at %s as delivery %d; %s had released delivery %d before", formatTime(e.At), e.Deliveries, s.facts.podName(d.owner), d.count)
			})
			return
		}
	}
}

// reportUncounted notes an attempt in the instant of its owner's release, whose delivery count is not above
// that of the released delivery.
func (s *shareGroup) reportUncounted(e *ledger.Event, d *delivery) {
	s.miscounted.addAnomaly(func() harness.Anomaly {
		return anomalyOf(s.facts, e, "begun by %s at %s as delivery %d, after it had released delivery %d",
			s.facts.podName(d.owner), formatTime(e.At), d.latestCount, d.count)
	})
}
