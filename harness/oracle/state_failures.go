package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// failures are the records on which an attempt ended in error, by where they first
// lay in the source. Only such attempts cost anything.
type failures struct {
	facts *Facts
	parts []ledger.Offsets // by partition of the source
}

func newFailures(f *Facts) failures {
	return failures{facts: f, parts: make([]ledger.Offsets, f.Partitions)}
}

// isFailure reports whether the event is the end of an attempt, in error, on a record
// that lies where it says. One that was cancelled, or whose process died, is none.
func isFailure(e *ledger.Event) bool {
	return e.Kind == ledger.EventEnd && (e.Outcome == ledger.OutcomeError || e.Outcome == ledger.OutcomePoison) && e.Held
}

// addFailure takes a failure and returns where its record first lay.
func (f *failures) addFailure(e *ledger.Event) ledger.Position {
	p := f.facts.Log.firstPosition(sourcePosition(e))
	f.parts[p.Partition].Add(p.Offset)
	return p
}

// hasFailed reports whether an attempt on the record that first lay at p has failed so far.
func (f *failures) hasFailed(p ledger.Position) bool { return f.parts[p.Partition].Has(p.Offset) }
