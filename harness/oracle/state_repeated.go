package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// repeatedRecords says which position of the source an effect is of, where a producer without idempotence has
// appended a record several times and the consumer has copied it. An effect in the source is of its own
// position. A copy does not tell which position it was copied from: its first effect is of the first position
// that is not completed yet, and its further effects are of the same.
type repeatedRecords struct {
	log       *Log
	completed []ledger.Offsets                    // completed is the state of [judgeState].
	of        map[ledger.Position]ledger.Position // of has the positions of effects so far, by copy.
}

// locateEffect sets the position of the source that an effect is of.
func (r *repeatedRecords) locateEffect(e *ledger.Event) {
	again := r.log.furtherPositions(e.Key, e.Seq)
	if len(again) == 0 || e.Topic == 0 || !e.Held {
		return
	}
	at, located := r.of[e.Position()]
	if !located {
		at = r.chooseIncomplete(sourcePosition(e), again)
		if r.of == nil {
			r.of = map[ledger.Position]ledger.Position{}
		}
		r.of[e.Position()] = at
	}
	e.Origin, e.Source = at.Partition, at.Offset
}

// chooseIncomplete is the first of some positions that is not completed, or the first one of all.
func (r *repeatedRecords) chooseIncomplete(first ledger.Position, again []ledger.Position) ledger.Position {
	if !r.completed[first.Partition].Has(first.Offset) {
		return first
	}
	for _, p := range again {
		if int(p.Partition) < len(r.completed) && !r.completed[p.Partition].Has(p.Offset) {
			return p
		}
	}
	return first
}

// isCompletedAnywhere reports whether the record at a position of the source was completed there or, if it has
// copies, at any of its positions.
func isCompletedAnywhere(l *Log, completed []ledger.Offsets, p ledger.Position) bool {
	for _, at := range l.samePositions(p) {
		if int(at.Partition) < len(completed) && completed[at.Partition].Has(at.Offset) {
			return true
		}
	}
	return completed[p.Partition].Has(p.Offset)
}
