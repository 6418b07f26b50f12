package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// checkCommitsAnswered breaks [oracle.CommitsAnswered] if a broker took so long to respond to
// a commit that the commit must come late, and no fault explains that. A consumer that asks in
// time is not the reason. Most likely the broker had too little CPU.
func (e *evidence) checkCommitsAnswered() {
	limit := commitAnswerLimit(e.cfg)
	faults, drained := e.course.load.faults.injectedFaults(), e.course.stop.requestedAt
	for _, s := range e.watcher.SlowCommits() {
		took := time.Duration(s.Answered - s.Got)
		if took <= limit || s.Got > drained || e.isCommitDisturbed(s, faults) {
			continue
		}
		e.incidents.breakAssumption(oracle.CommitsAnswered, fmt.Sprintf(
			"the broker took %v to respond to a commit at %v, at most %v is allowed, and no fault lasted: most likely it had too little CPU",
			took.Round(time.Millisecond), e.course.load.time.sinceStart(s.Got).Round(time.Millisecond), limit))
	}
}

// commitAnswerLimit is the longest response to a commit that leaves a consumer time to commit
// within what [oracle.CheckStalledCommit] allows, if it asks once in each commit interval.
func commitAnswerLimit(cfg harness.Config) time.Duration { return 2*cfg.Commit + cfg.Heartbeat }

// isCommitDisturbed reports whether a fault, or a session after it, overlapped the wait for the
// response to a commit.
func (e *evidence) isCommitDisturbed(s observe.SlowCommit, faults []injectedFault) bool {
	got, answered := e.course.load.time.sinceStart(s.Got), e.course.load.time.sinceStart(s.Answered)
	return slices.ContainsFunc(faults, func(o injectedFault) bool {
		return o.injected <= answered && (o.healed == harness.Never || got <= o.healed+e.cfg.Session)
	})
}
