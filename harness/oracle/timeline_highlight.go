package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Checks whose anomalies are commits, and such that are known when an attempt begins.
// Those of all others are the ends of attempts, or copies, or answers.
var (
	aboutCommits = []string{lossEntry.name, pendingEntry.name, commitRegressionEntry.name, afterRevokeEntry.name}
	aboutStarts  = []string{overlapEntry.name, zombieEntry.name, deliveryCountEntry.name, starvationEntry.name}
)

// highlight marks what the anomaly is about: one moment, and of an overlap the other
// attempt too. Many a moment may be of the same time, so that time alone tells none.
func (s *timeline) highlight() {
	if s.anomaly.At == 0 && len(s.anomaly.Pods) == 0 {
		return // known by the final read alone
	}
	kinds := []func(*timelineEvent) bool{s.isEndOfAttempt, s.isTransfer, s.isStartOfAttempt, s.isCommitPast}
	switch {
	case slices.Contains(aboutCommits, s.check):
		kinds = []func(*timelineEvent) bool{s.isCommitPast, s.isTransfer}
	case slices.Contains(aboutStarts, s.check):
		kinds = []func(*timelineEvent) bool{s.isStartOfAttempt, s.isEndOfAttempt, s.isTransfer}
	}
	for _, is := range kinds {
		if i := slices.IndexFunc(s.entries, func(m timelineEvent) bool { return is(&m) }); i >= 0 {
			s.entries[i].Bad = true
			if s.check == overlapEntry.name {
				s.highlightOther(i)
			}
			return
		}
	}
}

// highlightOther marks the attempt that another overlaps: the latest begun of those under
// way as that began.
func (s *timeline) highlightOther(one int) {
	other := -1
	for i := range s.entries {
		m := &s.entries[i]
		if i == one || m.edge != ledger.EventStart || m.At > s.anomaly.At || m.Until < s.anomaly.At {
			continue
		}
		if !slices.Contains(s.anomaly.Pods, m.Track) {
			continue
		}
		if other < 0 || m.At >= s.entries[other].At {
			other = i
		}
	}
	if other >= 0 {
		s.entries[other].Bad = true
	}
}

// isByCulprit reports whether a moment is of the incarnation that the anomaly names first.
func (s *timeline) isByCulprit(m *timelineEvent) bool {
	return len(s.anomaly.Pods) == 0 || s.facts.podName(m.owner) == s.anomaly.Pods[0]
}

func (s *timeline) isEndOfAttempt(m *timelineEvent) bool {
	return m.edge == ledger.EventStart && m.seq == s.anomaly.Seq && m.Until == s.anomaly.At && s.isByCulprit(m)
}

func (s *timeline) isStartOfAttempt(m *timelineEvent) bool {
	return m.edge == ledger.EventStart && m.seq == s.anomaly.Seq && m.At == s.anomaly.At && s.isByCulprit(m)
}

// isTransfer is a record that was acknowledged, copied or answered for.
func (s *timeline) isTransfer(m *timelineEvent) bool {
	switch m.edge {
	case ledger.EventAcked, ledger.EventCopied, ledger.EventAcknowledged:
		return m.At == s.anomaly.At && m.place == s.places[0] && (m.edge == ledger.EventAcked || s.isByCulprit(m))
	}
	return false
}

// isCommitPast is a confirmed commit of the anomaly's partition, or of a copy's if the
// record is lost. It covers the record, but for a regression below all records; one
// outside of a transaction is known by its own offset.
func (s *timeline) isCommitPast(m *timelineEvent) bool {
	if m.edge != ledger.EventCommit || m.At != s.anomaly.At || m.outcome != ledger.OutcomeConfirmed || !s.isByCulprit(m) {
		return false
	}
	if s.check == atomicityEntry.name {
		return m.place == s.places[0]
	}
	return slices.ContainsFunc(s.places, func(p ledger.Position) bool {
		return p.Topic == m.place.Topic && p.Partition == m.place.Partition && (p.Offset < m.place.Offset || m.place.Offset == 0)
	})
}
