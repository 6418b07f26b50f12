package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckCommitRegression finds a confirmed commit below the commit before it, of the same group and partition. An
// owner may go back to an offset of its own choice, because the log was cut or because the design says so. Then
// that offset takes the place of the commit before it.
//
// A commit may wait at a broker that stands still, on a connection that its client has closed. It takes effect when the
// broker goes on, and may do so after a commit that the client asked for later. No client can prevent that.
//
// If one of the two commits is by a pod that had lost the partition, the evidence names that pod.
//
// The decision is in state_commits.go.
const CheckCommitRegression = "commit regression"

var _ = register(entry{
	name: CheckCommitRegression, gravity: commitsWrong + 2,
	finds:  "a commit below the one before it, without a rewind of the owner to an offset that explains it",
	claim:  "at-least-once and exactly-once; a warning if any repeats are claimed",
	heldTo: heldToDelivery, repeats: true, needs: []string{LedgerComplete, ObserversKeptUp}, marks: marksCommit,
	verdict: func(s *judgeState) harness.Verdict { return s.commits.regressionVerdict() },
})
