package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// plantParallelism declares one attempt at once less than there were.
func plantParallelism(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	most := 0
	for _, a := range w.attempts {
		most = max(most, w.openAt(a))
	}
	if w.facts.Parallelism = most - 1; most < 2 {
		return nil, nil, false
	}
	at = w.expect().expected.must[CheckExcessParallelism]
	return at, []string{CheckExcessParallelism}, len(at) > 0
}

// plantStarvation sets the limit just below the wait of the key that waited longest.
func plantStarvation(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	long := slices.ContainsFunc(w.parts, func(p *simPartition) bool { return p.place.Offset > passedEvery+1 })
	if !long {
		return nil, nil, false
	}
	wait := w.expect().longest
	w.facts.Limits.StarvedAfter = wait - nanosecond
	return w.expect().expected.must[CheckStarvation], []string{CheckStarvation}, wait > nanosecond
}

// plantBlast sets the limit just below the slowest record of the keys that are not hot.
func plantBlast(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	l, ok := anyOf(w, w.sourceRecords())
	if !ok {
		return nil, nil, false
	}
	w.facts.Aggressors = []uint32{l.key}
	var slowest *attempt
	done := map[ledger.Position]bool{}
	for _, a := range w.effects() {
		if a.Key != l.key && a.Topic == 0 && !done[a.Position()] {
			slowest = a
		}
		done[a.Position()] = true
	}
	if slowest == nil || len(w.facts.Sides) > 0 {
		return nil, nil, false
	}
	w.facts.Limits.OthersP99 = slowest.end - nanosecond
	return []ledger.Position{slowest.Position()}, []string{CheckBlastRadius}, true
}
