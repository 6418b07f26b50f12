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

// mark marks what the anomaly is about: one moment, and of an overlap the other
// attempt too. Many a moment may be of the same time, so that time alone tells none.
func (s *story) mark() {
	if s.of.At == 0 && len(s.of.Pods) == 0 {
		return // known by the final read alone
	}
	kinds := []func(*told) bool{s.ended, s.passed, s.began, s.committed}
	switch {
	case slices.Contains(aboutCommits, s.check):
		kinds = []func(*told) bool{s.committed, s.passed}
	case slices.Contains(aboutStarts, s.check):
		kinds = []func(*told) bool{s.began, s.ended, s.passed}
	}
	for _, is := range kinds {
		if i := slices.IndexFunc(s.moments, func(m told) bool { return is(&m) }); i >= 0 {
			s.moments[i].Bad = true
			if s.check == overlapEntry.name {
				s.markOther(i)
			}
			return
		}
	}
}

// markOther marks the attempt that another overlaps: the latest begun of those under
// way as that began.
func (s *story) markOther(one int) {
	other := -1
	for i := range s.moments {
		m := &s.moments[i]
		if i == one || m.edge != ledger.EventStart || m.At > s.of.At || m.Until < s.of.At {
			continue
		}
		if !slices.Contains(s.of.Pods, m.Track) {
			continue
		}
		if other < 0 || m.At >= s.moments[other].At {
			other = i
		}
	}
	if other >= 0 {
		s.moments[other].Bad = true
	}
}

// by reports whether a moment is of the incarnation that the anomaly names first.
func (s *story) by(m *told) bool {
	return len(s.of.Pods) == 0 || s.facts.name(m.owner) == s.of.Pods[0]
}

func (s *story) ended(m *told) bool {
	return m.edge == ledger.EventStart && m.seq == s.of.Seq && m.Until == s.of.At && s.by(m)
}

func (s *story) began(m *told) bool {
	return m.edge == ledger.EventStart && m.seq == s.of.Seq && m.At == s.of.At && s.by(m)
}

// passed is a record that was acknowledged, copied or answered for.
func (s *story) passed(m *told) bool {
	switch m.edge {
	case ledger.EventAcked, ledger.EventCopied, ledger.EventAcknowledged:
		return m.At == s.of.At && m.place == s.places[0] && (m.edge == ledger.EventAcked || s.by(m))
	}
	return false
}

// committed is a confirmed commit of the anomaly's partition, or of a copy's if the
// record is lost. It covers the record, but for a regression below all records; one
// outside of a transaction is known by its own offset.
func (s *story) committed(m *told) bool {
	if m.edge != ledger.EventCommit || m.At != s.of.At || m.outcome != ledger.OutcomeConfirmed || !s.by(m) {
		return false
	}
	if s.check == atomicityEntry.name {
		return m.place == s.places[0]
	}
	return slices.ContainsFunc(s.places, func(p ledger.Position) bool {
		return p.Topic == m.place.Topic && p.Partition == m.place.Partition && (p.Offset < m.place.Offset || m.place.Offset == 0)
	})
}
