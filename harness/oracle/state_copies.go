package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// copyIndex are the records that copies in topics with custody were appended of, as
// far as the replay has come. The zero value is empty.
type copyIndex struct {
	byRecord   map[uint64]*recordCopies
	byPosition map[ledger.Position]*recordCopies // byPosition are those of the copies, and where their records first lay in the source
}

// recordCopies is the way of one record.
type recordCopies struct {
	source ledger.Position // where it first lay in the source
	copies []appendedCopy  // its copies, in the order in which they were appended
}

// appendedCopy is a copy and when it was appended.
type appendedCopy struct {
	ledger.Position
	at time.Duration
}

// indexCopy takes the EventCopied of a copy that the final read holds.
func (t *copyIndex) indexCopy(e *ledger.Event) *recordCopies {
	if t.byRecord == nil {
		t.byRecord, t.byPosition = map[uint64]*recordCopies{}, map[ledger.Position]*recordCopies{}
	}
	r := t.copiesOf(e)
	if r == nil {
		r = &recordCopies{source: ledger.Position{Partition: e.Origin, Offset: e.Source}}
		t.byRecord[recordID(e.Key, e.Seq)], t.byPosition[r.source] = r, r
	}
	r.copies = append(r.copies, appendedCopy{e.Position(), e.At})
	t.byPosition[e.Position()] = r
	return r
}

// copiesOf is the trail of an event's record, nil if it has no copies yet.
func (t *copyIndex) copiesOf(e *ledger.Event) *recordCopies {
	if len(t.byRecord) == 0 {
		return nil
	}
	return t.byRecord[recordID(e.Key, e.Seq)]
}

// hasLaterCopy reports whether the record has another copy that was appended no earlier
// than the one at p.
func (r *recordCopies) hasLaterCopy(p ledger.Position) bool {
	i := slices.IndexFunc(r.copies, func(h appendedCopy) bool { return h.Position == p })
	return slices.ContainsFunc(r.copies, func(h appendedCopy) bool { return h.Position != p && h.at >= r.copies[i].at })
}
