package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// trails are the records that copies in topics with custody were appended of, as
// far as the replay has come. The zero value is empty.
type trails struct {
	records map[uint64]*trail
	places  map[ledger.Position]*trail // places are those of the copies, and where their records first lay in the source
}

// trail is the way of one record.
type trail struct {
	source ledger.Position // where it first lay in the source
	hops   []hop           // its copies, in the order in which they were appended
}

// hop is a copy and when it was appended.
type hop struct {
	ledger.Position
	at time.Duration
}

// add takes the EventCopied of a copy that the final read holds.
func (t *trails) add(e *ledger.Event) *trail {
	if t.records == nil {
		t.records, t.places = map[uint64]*trail{}, map[ledger.Position]*trail{}
	}
	r := t.of(e)
	if r == nil {
		r = &trail{source: ledger.Position{Partition: e.Origin, Offset: e.Source}}
		t.records[recordID(e.Key, e.Seq)], t.places[r.source] = r, r
	}
	r.hops = append(r.hops, hop{e.Position(), e.At})
	t.places[e.Position()] = r
	return r
}

// of is the trail of an event's record, nil if it has no copies yet.
func (t *trails) of(e *ledger.Event) *trail {
	if len(t.records) == 0 {
		return nil
	}
	return t.records[recordID(e.Key, e.Seq)]
}

// passedOn reports whether the record has another copy that was appended no earlier
// than the one at p.
func (r *trail) passedOn(p ledger.Position) bool {
	i := slices.IndexFunc(r.hops, func(h hop) bool { return h.Position == p })
	return slices.ContainsFunc(r.hops, func(h hop) bool { return h.Position != p && h.at >= r.hops[i].at })
}
