package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckOvertaken counts records that were deleted from the source before the group's commit was past them, and
// that were not completed: retention was faster than the consumer. No consumer can complete them, so the check
// holds none to a promise. They are neither lost nor outstanding. A record that the group had committed before
// its deletion is a loss of the consumer. So is one that a share group would not have delivered again.
//
// The records of a topic that is deleted and created again count too. The partitions of the new topic are further
// ones in the ledger.
//
// A member is told if the broker calls its offset out of range and it asks for the start or the end of the log.
// The evidence says which member was told, and where it went on.
//
// The decision is in state_incomplete.go, fateOf.
const CheckOvertaken = "overtaken"

var _ = register(entry{
	name: CheckOvertaken, gravity: designCosts + 4,
	finds:   "a record that was deleted before the group's commit was past it, and that was not completed",
	claim:   "not judged",
	verdict: func(s *judgeState) harness.Verdict { return s.incomplete.fateVerdict(overtaken) },
})
