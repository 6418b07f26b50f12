package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var brokerLossEntry = entry{
	name: CheckLostByBroker, make: func(j *judgeState) check { return &lostByBroker{facts: j.Facts} },
	heldTo: heldAlways("acks=all, idempotent producer"), leans: []string{LedgerComplete},
}

// lostByBroker finds records that the broker acknowledged and the final read did
// not find where they should be. The consumer has no part in it.
type lostByBroker struct {
	facts *Facts
	found findings
}

func (b *lostByBroker) Observe(events *batch) {
	for _, e := range events.Rare {
		if e.Kind != ledger.EventAcked || e.Outcome != ledger.OutcomeAcked || e.Held {
			continue
		}
		b.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(b.facts, e, "acknowledged at %s, and the final read did not find it there", formatTime(e.At))
		})
	}
}

func (b *lostByBroker) Verdict() harness.Verdict {
	detail := ""
	if b.found.count > 0 {
		detail = fmt.Sprintf("%d acknowledged records are not in the log; nothing is owed for them", b.found.count)
	}
	return b.found.toVerdict(detail)
}
