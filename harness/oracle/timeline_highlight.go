package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// highlight marks the entry that the anomaly is about, and of an overlap the other attempt too. Several entries
// may have the time of the anomaly, so time alone does not decide.
func (t *timeline) highlight() {
	if t.anomaly.At == 0 && len(t.anomaly.Pods) == 0 {
		return // only the final read knows it
	}
	for _, matches := range t.matchers() {
		if i := slices.IndexFunc(t.entries, func(m timelineEvent) bool { return matches(&m) }); i >= 0 {
			t.entries[i].Bad = true
			if t.check == CheckOverlap {
				t.highlightOther(i)
			}
			return
		}
	}
}

// matchers tell which entry the anomaly is about, the likeliest first, by what the check's entry says of its
// anomalies.
func (t *timeline) matchers() []func(*timelineEvent) bool {
	switch marksOf(t.check) {
	case marksCommit:
		return []func(*timelineEvent) bool{t.isCommitPast, t.isTransfer}
	case marksOwner:
		return []func(*timelineEvent) bool{t.isOwnerAt}
	case marksFetch:
		return []func(*timelineEvent) bool{t.isFetchAt}
	case marksStart:
		return []func(*timelineEvent) bool{t.isStartOfAttempt, t.isEndOfAttempt, t.isTransfer}
	case marksOutput:
		return []func(*timelineEvent) bool{t.isEndOfAttempt, t.isTransfer, t.isStartOfAttempt, t.isOwnCommit}
	}
	return []func(*timelineEvent) bool{t.isEndOfAttempt, t.isTransfer, t.isStartOfAttempt, t.isCommitPast}
}

// highlightOther marks the attempt that an attempt overlaps: the latest begun of those in flight when it began.
func (t *timeline) highlightOther(one int) {
	other := -1
	for i := range t.entries {
		m := &t.entries[i]
		if i == one || m.kind != ledger.EventStart || m.At > t.anomaly.At || m.Until < t.anomaly.At {
			continue
		}
		if !slices.Contains(t.anomaly.Pods, m.Track) {
			continue
		}
		if other < 0 || m.At >= t.entries[other].At {
			other = i
		}
	}
	if other >= 0 {
		t.entries[other].Bad = true
	}
}

// isOfFirstPod reports whether an entry is of the incarnation that the anomaly names first.
func (t *timeline) isOfFirstPod(m *timelineEvent) bool {
	return len(t.anomaly.Pods) == 0 || t.facts.podName(m.owner) == t.anomaly.Pods[0]
}

func (t *timeline) isEndOfAttempt(m *timelineEvent) bool {
	return m.kind == ledger.EventStart && m.seq == t.anomaly.Seq && m.Until == t.anomaly.At && t.isOfFirstPod(m)
}

func (t *timeline) isStartOfAttempt(m *timelineEvent) bool {
	return m.kind == ledger.EventStart && m.seq == t.anomaly.Seq && m.At == t.anomaly.At && t.isOfFirstPod(m)
}

// isOwnerAt reports whether the entry is an owner that got the partition at the time of the anomaly.
func (t *timeline) isOwnerAt(m *timelineEvent) bool {
	return m.kind == ledger.EventOwned && m.At == t.anomaly.At && m.place.Partition == t.anomaly.Partition && t.isOfFirstPod(m)
}

// isFetchAt reports whether the entry is a fetch at the time of the anomaly.
func (t *timeline) isFetchAt(m *timelineEvent) bool {
	return m.kind == ledger.EventFetched && m.At == t.anomaly.At && t.isOfFirstPod(m)
}

// isTransfer reports whether the entry is an outcome of a send, a copy or an acknowledgement of the anomaly's
// record.
func (t *timeline) isTransfer(m *timelineEvent) bool {
	switch m.kind {
	case ledger.EventAcked, ledger.EventCopied, ledger.EventAcknowledged:
		return m.At == t.anomaly.At && m.place == t.places[0] && (m.kind == ledger.EventAcked || t.isOfFirstPod(m))
	}
	return false
}

// isCommitAt reports whether the entry is a confirmed commit at the time of the anomaly.
func (t *timeline) isCommitAt(m *timelineEvent) bool {
	return m.kind == ledger.EventCommit && m.At == t.anomaly.At && m.outcome == ledger.OutcomeConfirmed && t.isOfFirstPod(m)
}

// isOwnCommit reports whether the entry is a commit of the anomaly's own offset.
func (t *timeline) isOwnCommit(m *timelineEvent) bool {
	return t.isCommitAt(m) && m.place == t.places[0]
}

// isCommitPast reports whether the entry is a commit past a place of the record. A regression may be below all
// records.
func (t *timeline) isCommitPast(m *timelineEvent) bool {
	return t.isCommitAt(m) && slices.ContainsFunc(t.places, func(p ledger.Position) bool {
		return p.Topic == m.place.Topic && p.Partition == m.place.Partition && (p.Offset < m.place.Offset || m.place.Offset == 0)
	})
}
