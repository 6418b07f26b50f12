package oracle

// CheckCommitAfterRevoke counts confirmed commits by a pod that had surely lost the partition: the group had
// revoked it or expelled the member before. Commits that are regressions count at [CheckCommitRegression]
// instead. A commit of a group of the consumer's own on the source does not count.
//
// The decision is in state_commits.go.
const CheckCommitAfterRevoke = "commit after revoke"

var _ = register(entry{
	name: CheckCommitAfterRevoke, gravity: designCosts + 2,
	finds:   "a commit by a pod that had surely lost the partition, and that is no regression",
	claim:   "not judged",
	direct:  "of clients that commit their member id as metadata, as franz-go does",
	marks:   marksCommit,
	verdict: verdictOf(func(s *judgeState) *findings { return &s.commits.revoked }),
})
