package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckRedelivery counts second effects of a record that a rewind explains, or in a share group a new delivery.
// They are the cost of a design that claims at-least-once. A consumer with another claim promises that there are
// none.
//
// The decision is in state_redeliveries.go, judgeSecondEffect.
const CheckRedelivery = "redelivery"

var _ = register(entry{
	name: CheckRedelivery, gravity: designCosts,
	finds: "a second effect of a record after a rewind or a new delivery",
	claim: "exactly-once and at-most-once",
	heldTo: func(f *Facts) string {
		if f.Delivery == harness.AtLeastOnce {
			return ""
		}
		return string(f.Delivery)
	},
	needs:   []string{LedgerComplete},
	verdict: verdictOf(func(s *judgeState) *findings { return &s.redeliveries.explained }),
})
