package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeState is one judgement: the states that checks share, and the checks. Each batch goes
// through the states first and through the checks after that.
type judgeState struct {
	*Facts

	// The annotator keeps these and is up to a batch ahead of the checks, see the package comment.
	completed []ledger.Offsets // completed are the records with an effect, by their first position in the source.
	fences    *fences
	deferred  *deferredRanges

	incomplete   *incomplete
	commits      *committedOffsets
	trims        *trims
	assignments  *assignments
	shares       *shareGroup
	copies       *copyIndex
	routes       *routes
	redeliveries *redeliveries
	outcomes     *conflictingOutcomes
	keyOrder     *keyOrder

	entries []entry
	checks  []check // checks are by entry, nil for a check that reads a state.
}

func newJudgeState(f *Facts) *judgeState {
	s := &judgeState{Facts: f, completed: make([]ledger.Offsets, f.Partitions), deferred: &deferredRanges{facts: f}, entries: judgedEntries()}
	s.fences = newFences(f, s.deferred)
	s.commits, s.assignments, s.shares, s.copies = newCommittedOffsets(f, s.fences), newAssignments(f), newShareGroup(f), &copyIndex{}
	s.trims = newTrims(f)
	s.routes = &routes{facts: f, assignments: s.assignments, shares: s.shares, copies: s.copies, fences: s.fences}
	s.redeliveries, s.outcomes = newRedeliveries(s), newConflictingOutcomes(s)
	s.keyOrder, s.incomplete = newKeyOrder(f, s.fences), newIncomplete(s)
	s.checks = make([]check, len(s.entries))
	for i, e := range s.entries {
		if e.newCheck != nil {
			s.checks[i] = e.newCheck(s)
		}
	}
	return s
}

// observeBatch updates the states by the next events, then runs the checks on them.
func (s *judgeState) observeBatch(b *batch) {
	s.incomplete.trackCompletions(b)
	s.commits.trackCommits(b)
	s.trims.trackTrims(b)
	s.trackWork(b)
	s.keyOrder.trackKeys(b)
	for _, c := range s.checks {
		if c != nil {
			c.Observe(b)
		}
	}
}

// trackWork updates the states of assignments, deliveries and copies, event by event. It judges effects and
// dead letters at once: the state at their own time explains them.
func (s *judgeState) trackWork(b *batch) {
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventAcked:
		case ledger.EventStart:
			if s.Share {
				s.shares.trackShare(e)
			} else {
				s.redeliveries.beginWork(e)
			}
		case ledger.EventEnd:
			if s.Share {
				s.shares.trackShare(e)
			}
			if e.Outcome == ledger.OutcomeEffect && e.Held && s.redeliveries.judgeEffect(e) {
				s.outcomes.judgeFirstEffect(e)
			}
		default:
			s.trackRare(e)
		}
	}
}

// trackRare updates the same states by an event that is no attempt.
func (s *judgeState) trackRare(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventCopied:
		if role := s.roleOf(e.Topic); e.Held && role.TakesOver() {
			s.copies.indexCopy(e)
			if role == harness.RoleDeadLetter {
				s.outcomes.judgeDeadLetter(e)
			}
		}
	case ledger.EventFetched:
	case ledger.EventDeferred:
		if r, ok := rangeOf(s.Facts, e); ok {
			s.assignments.settleLatest(r.partition, e.At) // its owner has read what it defers
		}
	default:
		s.redeliveries.trackDisruption(e)
		if s.Share {
			s.shares.trackShare(e)
		} else {
			s.redeliveries.trackAssignment(e)
		}
	}
}

// checkVerdicts are what the checks found, in the order of the entries.
func (s *judgeState) checkVerdicts() []harness.Verdict {
	verdicts := make([]harness.Verdict, len(s.entries))
	for i, e := range s.entries {
		if c := s.checks[i]; c != nil {
			verdicts[i] = c.Verdict()
		} else {
			verdicts[i] = e.verdict(s)
		}
	}
	return verdicts
}
