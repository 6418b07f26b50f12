package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckUnexplainedDuplicate finds a second effect of a record that no rewind explains. A new assignment of a
// partition begins with a rewind to the group's commit, and allows one effect more of each offset from there
// on. Two effects of one offset under one assignment are unexplained. So is an effect under an assignment whose
// base lies past it: the base is the offset that the owner reads from. So is an effect by a pod that surely did
// not own the partition.
//
// In a share group, a new delivery explains a second effect. Two effects under one delivery are unexplained. So
// is an effect after an owner released the record although it had completed it. So is an effect by a pod that
// never acquired the record.
//
// A member that gets no processor is expelled and works on until it hears of it. Then the next
// owner repeats what this member completed, so the check needs pods that were not starved.
//
// The section on assignments and redelivery has the details.
//
// The decision is in state_redeliveries.go, judgeSecondEffect.
const CheckUnexplainedDuplicate = "unexplained duplicate"

var _ = register(entry{
	name: CheckUnexplainedDuplicate, gravity: outcomesWrong,
	finds:  "a second effect of a record that no rewind explains; in a share group, one that no new delivery explains",
	claim:  "every delivery claim; a warning if any repeats are claimed",
	heldTo: func(f *Facts) string { return string(f.Delivery) }, repeats: true, needs: []string{LedgerComplete, ObserversKeptUp, NoPodStarved},
	verdict: func(s *judgeState) harness.Verdict { return s.redeliveries.unexplainedVerdict() },
})
