package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// failures are the records on which an attempt ended in error, by their first position in the source.
type failures struct {
	facts *Facts
	parts []ledger.Offsets
}

func newFailures(f *Facts) failures {
	return failures{facts: f, parts: make([]ledger.Offsets, f.Partitions)}
}

// isFailure reports whether the event is the end of an attempt in error, on a record that lies where the event
// says. An attempt that was cancelled, or whose process died, did not fail.
func isFailure(e *ledger.Event) bool {
	return e.Kind == ledger.EventEnd && (e.Outcome == ledger.OutcomeError || e.Outcome == ledger.OutcomePoison) && e.Held
}

// addFailure adds a failure.
func (f *failures) addFailure(e *ledger.Event) {
	p := f.facts.Log.firstPosition(sourcePosition(e))
	f.parts[p.Partition].Add(p.Offset)
}

// hasFailed reports whether an attempt on the record that first lay at p has failed so far.
func (f *failures) hasFailed(p ledger.Position) bool { return f.parts[p.Partition].Has(p.Offset) }
