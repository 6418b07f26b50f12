package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckStall finds a record that was still outstanding when the drain ended. Nothing had been completed for
// longer than a session, two commit intervals and 2 s. Only first effects and dead letters count as completions.
//
// The decision is in state_incomplete.go, fateOf.
const CheckStall = "stall"

var _ = register(entry{
	name: CheckStall, gravity: commitsWrong,
	finds:  "a record that is outstanding at the end, after nothing was completed for session + 2 x commit interval + 2 s",
	claim:  "always",
	heldTo: heldAlways("progress"), needs: []string{LedgerComplete, DrainEnded},
	verdict: func(s *judgeState) harness.Verdict { return s.incomplete.fateVerdict(stalled) },
})
