package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// asides are the ranges of the source that were set aside, in the order of the replay.
// The pump feeds them and is up to a batch ahead of the checks: what these ask is asked
// for an event, so that what has come since makes no difference.
type asides struct {
	facts *Facts
	list  []aside
}

// aside is a range of the source.
type aside struct {
	in        ledger.Position // where it lies
	partition int32
	from, to  int64
	at        time.Duration
	covered   bool // covered: a commit of where it lies was past it; of [pending] alone
}

// asideOf is what an EventDeferred sets aside, ok if that is of the source.
func asideOf(f *Facts, e *ledger.Event) (a aside, ok bool) {
	if e.Partition < 0 || int(e.Partition) >= f.Partitions || e.Flags&ledger.FlagCorrupt != 0 {
		return a, false
	}
	return aside{in: e.RangeAt(), partition: e.Partition, from: max(0, e.Offset), to: min(e.To, f.Log.end(0, e.Partition)), at: e.At}, true
}

// add takes an EventDeferred.
func (a *asides) add(e *ledger.Event) {
	if r, ok := asideOf(a.facts, e); ok {
		a.list = append(a.list, r)
	}
}

// none reports whether nothing was set aside, as in most runs.
func (a *asides) none() bool { return len(a.list) == 0 }

// before are the ranges with the record at p that were set aside before an event.
func (a *asides) before(e *ledger.Event, p ledger.Position) (found []*aside) {
	for i := range a.list {
		if r := &a.list[i]; r.has(p) && r.before(e) {
			found = append(found, r)
		}
	}
	return found
}

// owed reports whether a range with the record at p is still to be worked off when the
// run has ended: the group's final commit is not past it.
func (a *asides) owed(p ledger.Position) bool {
	return slices.ContainsFunc(a.list, func(r aside) bool { return r.has(p) && !(r.in.Offset >= 0 && r.in.Offset < a.facts.finalAt(r.in)) })
}

func (r *aside) has(p ledger.Position) bool {
	return p.Topic == 0 && r.partition == p.Partition && r.from <= p.Offset && p.Offset < r.to
}

// before reports whether the range was set aside before an event. What is of one time
// the replay has in the order of the edges.
func (r *aside) before(e *ledger.Event) bool {
	return r.at < e.At || r.at == e.At && ledger.EventDeferred < e.Kind
}
