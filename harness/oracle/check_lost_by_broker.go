package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var brokerLossEntry = entry{
	name: CheckLostByBroker, make: func(j *judging) check { return &brokerLoss{facts: j.Facts} },
	heldTo: heldAlways("acks=all, idempotent producer"), leans: []string{LedgerComplete},
}

// brokerLoss finds records that the broker acknowledged and the final read did
// not find where they should be. The consumer has no part in it.
type brokerLoss struct {
	facts *Facts
	found findings
}

func (b *brokerLoss) Observe(events *batch) {
	for _, e := range events.Rare {
		if e.Kind != ledger.EventAcked || e.Outcome != ledger.OutcomeAcked || e.Held {
			continue
		}
		b.found.add(func() harness.Anomaly {
			return anomaly(b.facts, e, "acknowledged at %s, and the final read did not find it there", moment(e.At))
		})
	}
}

func (b *brokerLoss) Verdict() harness.Verdict {
	detail := ""
	if b.found.count > 0 {
		detail = fmt.Sprintf("%d acknowledged records are not in the log; nothing is owed for them", b.found.count)
	}
	return b.found.verdict(detail)
}
