package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckLostByBroker finds a record that the broker acknowledged and that the final read did not find at its
// position. The consumer has no part in it. With acks=1 a leader may die before another replica has the record,
// and with acks=0 no record is acknowledged: the check only counts then.
//
// A record that an unclean election cut off is *truncated*, if a fault of the run made that election: the setting
// unclean.leader.election.enable gives the promise up. The verdict says how many there are. No consumer can complete
// them. An effect of such a record is no phantom. A commit of its offset is not premature, and may go back to where
// the log was cut, until a session after the election.
const CheckLostByBroker = "lost by broker"

var _ = register(entry{
	name: CheckLostByBroker, gravity: recordsLost + 2,
	finds:  "a record that the broker acknowledged and that is not in the log",
	claim:  "the producer's settings",
	heldTo: heldToProducer(harness.ProducerSettings.KeepsAcknowledged), needs: []string{LedgerComplete},
	newCheck: func(s *judgeState) check { return &lostByBroker{facts: s.Facts} },
})

type lostByBroker struct {
	facts     *Facts
	found     findings
	truncated int64 // truncated are those that an unclean election cut off.
}

func (b *lostByBroker) Observe(events *batch) {
	for _, e := range events.Rare {
		if e.Kind != ledger.EventAcked || e.Outcome != ledger.OutcomeAcked || e.Held {
			continue
		}
		if b.facts.isCutOff(e.Position(), e.At) {
			b.truncated++
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
	if b.truncated > 0 {
		detail = joinDetails(detail, countRecords(b.truncated)+" truncated by an unclean election that a fault made")
	}
	return b.found.toVerdict(detail)
}

// joinDetails joins two details of a verdict.
func joinDetails(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
