package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// deferredRanges are the ranges of the source that were set aside, in the order of the replay.
// The pump feeds them and is up to a batch ahead of the checks: what these ask is asked
// for an event, so that what has come since makes no difference.
type deferredRanges struct {
	facts *Facts
	list  []deferredRange
}

// deferredRange is a range of the source.
type deferredRange struct {
	in        ledger.Position // where it lies
	partition int32
	from, to  int64
	at        time.Duration
	covered   bool // covered: a commit of where it lies was past it; of [prematureCommit] alone
}

// rangeOf is what an EventDeferred sets aside, ok if that is of the source.
func rangeOf(f *Facts, e *ledger.Event) (a deferredRange, ok bool) {
	if e.Partition < 0 || int(e.Partition) >= f.Partitions || e.Flags&ledger.FlagCorrupt != 0 {
		return a, false
	}
	return deferredRange{in: e.RangeAt(), partition: e.Partition, from: max(0, e.Offset), to: min(e.To, f.Log.endOffset(0, e.Partition)), at: e.At}, true
}

// addRange takes an EventDeferred.
func (a *deferredRanges) addRange(e *ledger.Event) {
	if r, ok := rangeOf(a.facts, e); ok {
		a.list = append(a.list, r)
	}
}

// isEmpty reports whether nothing was set aside, as in most runs.
func (a *deferredRanges) isEmpty() bool { return len(a.list) == 0 }

// rangesBefore are the ranges with the record at p that were set aside before an event.
func (a *deferredRanges) rangesBefore(e *ledger.Event, p ledger.Position) (found []*deferredRange) {
	for i := range a.list {
		if r := &a.list[i]; r.coversRecord(p) && r.deferredBefore(e) {
			found = append(found, r)
		}
	}
	return found
}

// isOutstanding reports whether a range with the record at p is still to be worked off when the
// run has ended: the group's final commit is not past it.
func (a *deferredRanges) isOutstanding(p ledger.Position) bool {
	return slices.ContainsFunc(a.list, func(r deferredRange) bool {
		return r.coversRecord(p) && !(r.in.Offset >= 0 && r.in.Offset < a.facts.finalCommitAt(r.in))
	})
}

func (r *deferredRange) coversRecord(p ledger.Position) bool {
	return p.Topic == 0 && r.partition == p.Partition && r.from <= p.Offset && p.Offset < r.to
}

// deferredBefore reports whether the range was set aside before an event. What is of one time
// the replay has in the order of the edges.
func (r *deferredRange) deferredBefore(e *ledger.Event) bool {
	return r.at < e.At || r.at == e.At && ledger.EventDeferred < e.Kind
}
