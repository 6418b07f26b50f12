package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

func plantLoss(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok {
		return nil, nil, false
	}
	for _, again := range w.attempts {
		if again.outcome == ledger.OutcomeEffect && again.Key == a.Key && again.Seq == a.Seq {
			again.outcome = ledger.OutcomeError
		}
	}
	return w.expectLoss(a.Key, a.Seq)
}

// plantUndisturbedLoss claims at-most-once and cancels all work on a record in an undisturbed
// partition.
func plantUndisturbedLoss(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a := w.cancelWork()
	if a == nil {
		return nil, nil, false
	}
	for _, o := range w.attempts {
		if failed(o.outcome) && o.Key == a.Key && o.Seq == a.Seq {
			o.outcome = ledger.OutcomeCancelled
		}
	}
	must := w.expect().expected.must
	lost := must[CheckUnexplainedLoss]
	return lost, []string{CheckUnexplainedLoss}, len(lost) == 1 && len(must[CheckRedelivery]) == 0
}

// plantDisturbedLoss cancels all work on a record that has an excuse: its partition changed since
// it was appended, or work on it failed.
func plantDisturbedLoss(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if w.cancelWork() == nil {
		return nil, nil, false
	}
	may := w.expect().expected.may
	return nil, nil, len(may[CheckLoss]) > 0 && len(may[CheckUnexplainedLoss])+len(may[CheckRedelivery]) == 0
}

// cancelWork claims at-most-once and turns the effects of some record into cancelled attempts.
func (w *simulation) cancelWork() *attempt {
	a, ok := anyOf(w, w.effects())
	if !ok {
		return nil
	}
	w.facts.Delivery = harness.AtMostOnce
	for _, o := range w.attempts {
		if o.outcome == ledger.OutcomeEffect && o.Key == a.Key && o.Seq == a.Seq {
			o.outcome = ledger.OutcomeCancelled
		}
	}
	return a
}

// expectLoss expects that a record is lost. If the commit that covers it was seen, that commit was
// premature.
func (w *simulation) expectLoss(key, seq uint32) (at []ledger.Position, fails []string, ok bool) {
	for p, id := range w.ids {
		if id == [2]uint32{key, seq} {
			if at = append(at, p); w.facts.roleOf(p.Topic) == harness.RoleDeadLetter {
				return nil, nil, false
			}
		}
	}
	fails = []string{CheckLoss}
	must := w.expect().expected.must
	if len(must[CheckPrematureCommit]) > 0 {
		fails = append(fails, CheckPrematureCommit)
	}
	if len(must[CheckLoss]) == 0 { // retention took the record first
		return nil, nil, false
	}
	return at, fails, true
}

func plantStall(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	at, last, ok := w.stopPartition()
	w.facts.DrainEnd = last + w.facts.stallAfter() + nanosecond
	return at, []string{CheckStall}, ok
}

func plantOverload(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	at, last, ok := w.stopPartition()
	w.facts.DrainEnd = last + w.facts.stallAfter()
	return at, nil, ok
}

// stopPartition removes the work on a partition from some record on. last is the end of the last
// effect of the run.
func (w *simulation) stopPartition() (stopped []ledger.Position, last time.Duration, ok bool) {
	l, ok := anyOf(w, w.sourceRecords())
	if !ok || len(w.facts.Sides) > 0 || w.isDeleted(l.place) {
		return nil, 0, false
	}
	at := l.place
	w.attempts = slices.DeleteFunc(w.attempts, func(a *attempt) bool {
		return a.Topic == at.Topic && a.Partition == at.Partition && a.Offset >= at.Offset
	})
	for i := range w.seen {
		if e := &w.seen[i]; e.Kind == ledger.EventCommit && e.Topic == at.Topic && e.Partition == at.Partition {
			e.Offset = min(e.Offset, at.Offset)
		}
	}
	w.facts.Final[at.Partition] = at.Offset
	done := map[ledger.Position]bool{}
	for _, a := range w.effects() {
		if !done[a.Position()] {
			last = a.end
		}
		done[a.Position()] = true
	}
	return []ledger.Position{at}, last, true
}

// plantLostByBroker acknowledges a record at a position that is empty or holds another record.
func plantLostByBroker(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	l, ok := anyOf(w, w.sourceRecords())
	if !ok {
		return nil, nil, false
	}
	p := l.place
	if w.r.IntN(2) == 0 {
		p.Offset = w.part(p).place.Offset + w.r.Int64N(3)
	}
	w.event(ledger.Event{Kind: ledger.EventAcked, Outcome: ledger.OutcomeAcked, At: w.now, Partition: p.Partition, Offset: p.Offset, Key: l.key, Seq: 1000})
	return []ledger.Position{p}, []string{CheckLostByBroker}, true
}

// plantMissingDeadLetter removes the last dead letter of its partition, as if the consumer had not
// waited for the response.
func plantMissingDeadLetter(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok {
		return nil, nil, false
	}
	gone := *e
	if gone.Offset != w.part(gone.Position()).place.Offset-1 || len(w.effectsOf(gone.Key, gone.Seq)) > 0 {
		return nil, nil, false
	}
	delete(w.ids, gone.Position())
	w.seen = slices.DeleteFunc(w.seen, func(o ledger.Event) bool { return o.Kind == ledger.EventCopied && o.Position() == gone.Position() })
	return w.expectLoss(gone.Key, gone.Seq)
}

// plantCommitWithoutOutput removes the last output and keeps its commit.
func plantCommitWithoutOutput(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if w.out.place.Offset == 0 {
		return nil, nil, false
	}
	gone := w.out.place
	gone.Offset--
	id := w.ids[gone]
	delete(w.ids, gone)
	w.seen = slices.DeleteFunc(w.seen, func(o ledger.Event) bool { return o.Kind == ledger.EventCopied && o.Position() == gone })
	return w.expectLoss(id[0], id[1])
}
