package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckOverload finds a record that was still outstanding when the drain ended, while other records were still
// being completed. The consumer was too slow for the load and did not stall. The run's status is overload,
// unless the scenario allows it (MayOverload).
//
// The decision is in state_incomplete.go, fateOf.
const CheckOverload = "overload"

var _ = register(entry{
	name: CheckOverload, gravity: limitsOverridden + 3,
	finds:   "a record that is outstanding at the end, while others were still being completed",
	claim:   "not judged: the scenario says whether it may happen",
	verdict: func(s *judgeState) harness.Verdict { return s.incomplete.fateVerdict(overloaded) },
})
