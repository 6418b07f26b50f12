package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// copyIndex knows the copies in topics that take over, as far as the replay has come. The zero value is empty.
type copyIndex struct {
	byRecord   map[uint64]*recordCopies
	byPosition map[ledger.Position]*recordCopies // byPosition has each copy, and the first position of its record in the source.
}

// recordCopies are the copies of one record.
type recordCopies struct {
	source ledger.Position // source is the record's first position in the source.
	copies []appendedCopy  // copies are in the order in which they were appended.
}

// appendedCopy is a copy and when it was appended.
type appendedCopy struct {
	ledger.Position
	at time.Duration
}

// indexCopy adds the EventCopied of a copy that the final read found.
func (c *copyIndex) indexCopy(e *ledger.Event) {
	if c.byRecord == nil {
		c.byRecord, c.byPosition = map[uint64]*recordCopies{}, map[ledger.Position]*recordCopies{}
	}
	r := c.copiesOf(e)
	if r == nil {
		r = &recordCopies{source: sourcePosition(e)}
		c.byRecord[recordID(e.Key, e.Seq)], c.byPosition[r.source] = r, r
	}
	r.copies = append(r.copies, appendedCopy{e.Position(), e.At})
	c.byPosition[e.Position()] = r
}

// copiesOf are the copies of an event's record, nil if it has none so far.
func (c *copyIndex) copiesOf(e *ledger.Event) *recordCopies {
	if len(c.byRecord) == 0 {
		return nil
	}
	return c.byRecord[recordID(e.Key, e.Seq)]
}

// hasLaterCopy reports whether the record has another copy that was appended no earlier than the one at p.
func (r *recordCopies) hasLaterCopy(p ledger.Position) bool {
	i := slices.IndexFunc(r.copies, func(c appendedCopy) bool { return c.Position == p })
	return slices.ContainsFunc(r.copies, func(c appendedCopy) bool { return c.Position != p && c.at >= r.copies[i].at })
}
