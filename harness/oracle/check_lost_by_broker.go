package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckLostByBroker finds a record that the broker acknowledged and that the final read did not find at its
// position. The consumer has no part in it. With acks=1 a leader may die before another replica has the record,
// and with acks=0 no record is acknowledged: the check only counts then.
const CheckLostByBroker = "lost by broker"

var _ = register(entry{
	name: CheckLostByBroker, gravity: recordsLost + 2,
	finds:  "a record that the broker acknowledged and that is not in the log",
	claim:  "the producer's settings",
	heldTo: heldToProducer(harness.ProducerSettings.KeepsAcknowledged), needs: []string{LedgerComplete},
	newCheck: func(s *judgeState) check { return &lostByBroker{facts: s.Facts} },
})

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
			return anomalyOf(b.facts, e, "the broker acknowledged it at %s, and the final read did not find it there", formatTime(e.At))
		})
	}
}

func (b *lostByBroker) Verdict() harness.Verdict {
	detail := ""
	if b.found.count > 0 {
		detail = fmt.Sprintf("%d acknowledged records are not in the log; the consumer cannot complete them", b.found.count)
	}
	return b.found.toVerdict(detail)
}
