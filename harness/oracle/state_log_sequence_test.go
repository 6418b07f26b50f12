package oracle

import (
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestSequenceRemembersSoMuchAndNoMore: a damaged seq costs no more memory than a
// bound, and what can no longer be told apart is the milder of the two.
func TestSequenceRemembersSoMuchAndNoMore(t *testing.T) {
	var s logSequence
	s.addNext(ledger.Position{}, 1, 1<<31)
	if len(s.missing) != maxMissing {
		t.Fatalf("%d records are remembered", len(s.missing))
	}
	s.addNext(ledger.Position{Offset: 1}, 1, maxMissing+7)
	s.addNext(ledger.Position{Offset: 2}, 1, maxMissing+7)
	if s.outOfOrder.count != 2 || s.duplicates.count != 0 {
		t.Errorf("%d behind, %d duplicates", s.outOfOrder.count, s.duplicates.count)
	}
}
