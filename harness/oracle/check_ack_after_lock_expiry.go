package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckAckAfterLockExpiry finds an accept that comes after the lock of the record expired. It counts if another
// member had acquired the record or begun to work on it by that time. The lock lasts from the first attempt of
// the delivery, and from each renewal. A fault that affects the owner, or no pod in particular, excuses the
// accept.
//
// The broker refuses an acknowledgement of a record that the member no longer holds (KIP-932). An overdue
// accept by itself loses nothing and is not counted. An accept counts here even if the broker refused it.
const CheckAckAfterLockExpiry = "ack after lock expiry"

var _ = register(entry{
	name: CheckAckAfterLockExpiry, gravity: outcomesWrong + 5,
	finds:  "an accept after the lock of the record expired, with another member at work on it and no fault",
	claim:  "the lock of a record, in a share group",
	direct: "not observed",
	heldTo: heldToShare("the lock of a record"), needs: []string{LedgerComplete, NoPodStarved, ObserversKeptUp}, wire: true,
	verdict: func(s *judgeState) harness.Verdict { return s.shares.expiryVerdict() },
})

// judgeAccept judges whether an accept came after the lock expired.
func (s *shareGroup) judgeAccept(e *ledger.Event, d *delivery) {
	expiry := d.locked + s.facts.Lock
	if e.At <= expiry {
		return
	}
	if !d.contested || s.hasFault(d) {
		s.harmless++
		return
	}
	s.overdue.addAnomaly(func() harness.Anomaly {
		return anomalyOf(s.facts, e, "accepted at %s by %s, whose lock expired by %s, while another member worked on it",
			formatTime(e.At), s.facts.podName(e.Owner), formatTime(expiry))
	})
}

// expiryVerdict is the verdict on overdue accepts.
func (s *shareGroup) expiryVerdict() harness.Verdict {
	detail := ""
	if s.harmless > 0 {
		detail = fmt.Sprintf("%d accepts came after the lock had expired, while no other member had begun the record, or in a fault", s.harmless)
	}
	return s.overdue.toVerdict(detail)
}
