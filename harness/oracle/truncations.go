package oracle

import (
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Truncation is where an unclean election cut off a partition of the source: the new leader lacks records that the
// leader before it had. Other records may lie at their offsets now. The harness asks the new leader where its log
// parts from that of the leader before. Only a fault that elects leaders uncleanly lets it ask.
//
// Clients learn of it some time after the election. So what they do with a cut off position within a session after
// the election may concern the record that lay there before.
type Truncation struct {
	Partition int32         `json:"partition"`
	From      int64         `json:"from"` // From is the first offset that was cut off.
	Began     time.Duration `json:"began_ns"`
	Elected   time.Duration `json:"elected_ns"` // Elected is when the new leader had surely been elected.
}

// isCutOff reports whether the record that was at a position of the source by a time may have been cut off.
func (f *Facts) isCutOff(p ledger.Position, by time.Duration) bool {
	return slices.ContainsFunc(f.Truncations, func(t Truncation) bool {
		return p.Topic == 0 && t.Partition == p.Partition && t.From <= p.Offset && by <= t.Elected
	})
}

// mayBeCutOff reports whether what a pod does by a time may concern a record that was cut off. A copy of such a
// record may be worked on at any time.
func (f *Facts) mayBeCutOff(p ledger.Position, by time.Duration) bool {
	if p.Topic > 0 {
		return len(f.Truncations) > 0
	}
	return f.isCutOff(p, by-f.Session)
}

// surelyKept is the offset of a partition of the source below which a commit at a time surely means the records of
// the final read.
func (f *Facts) surelyKept(partition int32, at time.Duration) int64 {
	kept := int64(math.MaxInt64)
	for _, t := range f.Truncations {
		if t.Partition == partition && at <= t.Elected+f.Session {
			kept = min(kept, t.From)
		}
	}
	return kept
}

// cutUnder is where a partition of the source had been cut by a time, under a commit of an earlier time. Without a
// cut it lies behind all offsets.
func (f *Facts) cutUnder(partition int32, committed, by time.Duration) int64 {
	from := int64(math.MaxInt64)
	for _, t := range f.Truncations {
		if t.Partition == partition && t.Began <= by && committed <= t.Elected+f.Session {
			from = min(from, t.From)
		}
	}
	return from
}

// goesBackToCut reports whether a commit of the source goes back from another one because records were cut off.
func (f *Facts) goesBackToCut(e *ledger.Event, from int64, when time.Duration) bool {
	return slices.ContainsFunc(f.Truncations, func(t Truncation) bool {
		return e.Topic == 0 && t.Partition == e.Partition && t.From <= e.Offset && e.Offset < from && t.Began <= e.At && when <= t.Elected+f.Session
	})
}
