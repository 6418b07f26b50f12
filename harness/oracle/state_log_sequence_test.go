package oracle

import (
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestLogSequenceBoundsItsMemory: a damaged seq costs no more memory than the limit. A record that may be a
// duplicate or out of order then counts as out of order.
func TestLogSequenceBoundsItsMemory(t *testing.T) {
	var s logSequence
	s.addNext(ledger.Position{}, 1, 1<<31)
	if len(s.missing) != maxMissing {
		t.Fatalf("%d records are remembered", len(s.missing))
	}
	s.addNext(ledger.Position{Offset: 1}, 1, maxMissing+7)
	s.addNext(ledger.Position{Offset: 2}, 1, maxMissing+7)
	if s.outOfOrder.count != 2 || s.duplicates.count != 0 {
		t.Errorf("%d out of order, %d duplicates", s.outOfOrder.count, s.duplicates.count)
	}
}
