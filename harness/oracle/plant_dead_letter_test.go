package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

func (w *simulation) effectsOf(key, seq uint32) (list []*attempt) {
	for _, a := range w.effects() {
		if a.Key == key && a.Seq == seq {
			list = append(list, a)
		}
	}
	return list
}

// plantEffectOfDeadLetter completes a record that has a dead letter.
func plantEffectOfDeadLetter(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok || len(w.effectsOf(e.Key, e.Seq)) > 0 {
		return nil, nil, false
	}
	var last *attempt // the one that failed
	for _, a := range w.attempts {
		if a.Key == e.Key && a.Seq == e.Seq && a.end < e.At && failed(a.outcome) {
			last = a
		}
	}
	if last == nil || !w.undisturbed(last.Position(), last.At, e.At+2*nanosecond) {
		return nil, nil, false
	}
	b := *last
	b.At, b.Start, b.end, b.outcome = e.At+nanosecond, e.At+nanosecond, e.At+2*nanosecond, ledger.OutcomeEffect
	w.attempts = append(w.attempts, &b)
	for p, id := range w.ids { // a rewind may explain this end of the record, and not the next
		if id == [2]uint32{e.Key, e.Seq} {
			at = append(at, p)
		}
	}
	return at, []string{CheckConflictingOutcomes}, len(w.expect().expected.must[CheckConflictingOutcomes]) == 1
}

// plantDeadLetterOfEffect appends a dead letter of a completed record.
func plantDeadLetterOfEffect(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok || w.deadLetters == nil {
		return nil, nil, false
	}
	w.tick()
	place := w.copy(pick(w.r, w.deadLetters...), a.Key, a.Seq, nil)
	w.facts.DrainEnd = w.tick()
	fails = []string{CheckConflictingOutcomes}
	if len(w.expect().expected.must[CheckPrematureDeadLetter]) > 0 {
		fails = append(fails, CheckPrematureDeadLetter)
	}
	return []ledger.Position{place}, fails, len(w.expect().expected.must[CheckConflictingOutcomes]) == 1
}

// plantPrematureDeadLetter turns the failed attempts before a dead letter into cancelled ones.
func plantPrematureDeadLetter(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok {
		return nil, nil, false
	}
	for _, o := range w.appended(harness.RoleDeadLetter) { // a rewind may have led to more than one
		if o.Key == e.Key && o.Seq == e.Seq {
			at = append(at, o.Position())
		}
	}
	for _, a := range w.attempts {
		if a.Key == e.Key && a.Seq == e.Seq && failed(a.outcome) {
			a.outcome = ledger.OutcomeCancelled
		}
	}
	return at, []string{CheckPrematureDeadLetter}, !w.facts.DeadLetters.Cancelled
}

// plantHastyDeadLetter declares one attempt more than a dead letter had, and no other reason.
func plantHastyDeadLetter(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	tries := func(e *ledger.Event) (n int, poison bool) {
		for _, a := range w.attempts {
			if a.Key == e.Key && a.Seq == e.Seq && a.end <= e.At+stampSlack {
				poison = poison || a.outcome == ledger.OutcomePoison
				if a.outcome == ledger.OutcomeError {
					n++
				}
			}
		}
		return n, poison
	}
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok {
		return nil, nil, false
	}
	had, poison := tries(e)
	if had == 0 || poison {
		return nil, nil, false
	}
	w.facts.DeadLetters = harness.DeadLetterPolicy{Attempts: had + 1}
	for _, o := range w.appended(harness.RoleDeadLetter) {
		if n, poison := tries(o); n <= had && !poison {
			at = append(at, o.Position())
		}
	}
	return at, []string{CheckPrematureDeadLetter}, true
}
