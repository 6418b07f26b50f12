package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckLogOrder finds a record that lies in the log after a record of the same key with a higher seq. The
// idempotent producer excludes it, so no consumer is at fault. A producer without idempotence and with several
// requests in flight promises no order: the check only counts then. [logSequence] sees it while the log is built.
//
// The decision is in state_log_sequence.go.
const CheckLogOrder = "log order"

var _ = register(entry{
	name: CheckLogOrder, gravity: recordsLost + 4,
	finds:  "a record that lies in the log after a later one of its key",
	claim:  "the producer's settings",
	heldTo: heldToProducer(harness.ProducerSettings.KeepsOrder), needs: []string{LedgerComplete},
	verdict: verdictOf(func(s *judgeState) *findings { return &s.Log.sequence.outOfOrder }),
})
