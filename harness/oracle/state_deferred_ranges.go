package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// deferredRanges are the ranges of the source that consumers deferred, in the order of the replay. The
// annotator adds them and is up to a batch ahead of the checks, so a check asks for the ranges before an event.
type deferredRanges struct {
	facts *Facts
	list  []deferredRange
}

// deferredRange is a range of the source that a record in a topic of ranges stands for.
type deferredRange struct {
	in        ledger.Position // in is where that record lies.
	partition int32
	from, to  int64
	at        time.Duration
	covered   bool // covered: a commit is past in. Only [prematureCommit] uses it.
}

// rangeOf is the range that an EventDeferred defers. ok: it is one of the source.
func rangeOf(f *Facts, e *ledger.Event) (r deferredRange, ok bool) {
	if e.Partition < 0 || int(e.Partition) >= f.Partitions || e.Flags&ledger.FlagCorrupt != 0 {
		return r, false
	}
	return deferredRange{in: e.DeferredBy(), partition: e.Partition, from: max(0, e.Offset), to: min(e.To, f.Log.endOffset(0, e.Partition)), at: e.At}, true
}

// addRange adds the range of an EventDeferred.
func (d *deferredRanges) addRange(e *ledger.Event) {
	if r, ok := rangeOf(d.facts, e); ok {
		d.list = append(d.list, r)
	}
}

// isEmpty reports whether no consumer deferred anything, as in most runs.
func (d *deferredRanges) isEmpty() bool { return len(d.list) == 0 }

// rangesBefore are the ranges with the record at p that were deferred before an event.
func (d *deferredRanges) rangesBefore(e *ledger.Event, p ledger.Position) (found []*deferredRange) {
	for i := range d.list {
		if r := &d.list[i]; r.coversRecord(p) && r.deferredBefore(e) {
			found = append(found, r)
		}
	}
	return found
}

// coverBelow marks the ranges that a commit is the first to be past, and returns them.
func (d *deferredRanges) coverBelow(e *ledger.Event) (newly []deferredRange) {
	for i := range d.list {
		r := &d.list[i]
		if !r.covered && r.deferredBefore(e) && r.in.Topic == e.Topic && r.in.Partition == e.Partition && r.in.Offset >= 0 && r.in.Offset < e.Offset {
			r.covered = true
			newly = append(newly, *r)
		}
	}
	return newly
}

// isOutstanding reports whether a range with the record at p is still to be completed at the end of the run:
// the group's final commit is not past it.
func (d *deferredRanges) isOutstanding(p ledger.Position) bool {
	return slices.ContainsFunc(d.list, func(r deferredRange) bool {
		return r.coversRecord(p) && !(r.in.Offset >= 0 && r.in.Offset < d.facts.finalCommitAt(r.in))
	})
}

func (r *deferredRange) coversRecord(p ledger.Position) bool {
	return p.Topic == 0 && r.partition == p.Partition && r.from <= p.Offset && p.Offset < r.to
}

// deferredBefore reports whether the range was deferred before an event. Events of one time come in the order
// of their kinds.
func (r *deferredRange) deferredBefore(e *ledger.Event) bool {
	return r.at < e.At || r.at == e.At && ledger.EventDeferred < e.Kind
}
