package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckLoss finds a record that was appended to the source, was never completed, and that the group will not
// deliver again: commits are past it at each of its places. The places are its position in the source and its
// copies in topics that take over. A deferred range with the record keeps it outstanding until a commit is past
// the range.
//
// In a share group, the last acknowledgement decides: after an accept, a reject or a gap the record is lost. So
// is a record that was acquired as often as the group's limit of deliveries allows.
//
// The decision is in state_incomplete.go, fateOf.
const CheckLoss = "loss"

var _ = register(entry{
	name: CheckLoss, gravity: recordsLost,
	finds:  "a record that was never completed, with a commit past it at every place where it lies",
	claim:  "at-least-once and exactly-once",
	heldTo: heldToDelivery, needs: []string{LedgerComplete, DrainEnded}, marks: marksCommit,
	verdict: func(s *judgeState) harness.Verdict { return s.incomplete.fateVerdict(lost) },
})
