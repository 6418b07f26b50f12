package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckLogDuplicate finds a record that lies at two positions of the source. The idempotent producer
// excludes it, so no consumer is at fault. A producer without idempotence promises nothing: the check only
// counts then. [logSequence] sees it while the log is built.
//
// The decision is in state_log_sequence.go.
const CheckLogDuplicate = "log duplicate"

var _ = register(entry{
	name: CheckLogDuplicate, gravity: recordsLost + 3,
	finds:  "one record at two positions of the source",
	claim:  "the producer's settings",
	heldTo: heldToProducer(harness.ProducerSettings.AppendsOnce), needs: []string{LedgerComplete},
	verdict: verdictOf(func(s *judgeState) *findings { return &s.Log.sequence.duplicates }),
})
