package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// plantAnything lets a member that is up do some work at some moment, with a right to it or without
// one. The trace decides which.
func plantAnything(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.attempts)
	if !ok {
		return nil, nil, false
	}
	b := *a
	b.under, b.via, b.delivery, b.Generation = nil, nil, nil, 0
	b.Start = time.Duration(w.r.Int64N(int64(w.now)/1000)*1000) + nanosecond
	b.At, b.end = b.Start, b.Start+nanosecond
	b.outcome = pick(w.r, ledger.OutcomeEffect, ledger.OutcomeEffect, ledger.OutcomeEffect, ledger.OutcomeError, ledger.OutcomeCancelled)
	up := slices.DeleteFunc(slices.Clone(w.pods), func(m *member) bool { return !w.isUp(m, b.At) })
	m, ok := anyOf(w, up)
	if !ok {
		return nil, nil, false
	}
	b.Owner = m.owner
	part := w.part(b.Position())
	if w.trace.assigned(part, m.owner, b.At) != nil {
		b.under = w.trace.passAt(part, b.At)
	}
	if w.facts.Share {
		b.Deliveries = 0
		b.delivery = w.trace.deliveredTo(b.Position(), m.owner, b.At)
	}
	if !slices.ContainsFunc(part.records, func(l *simRecord) bool { return l.place == b.Position() && l.at < b.At }) {
		return nil, nil, false
	}
	w.attempts = append(w.attempts, &b)
	w.facts.Parallelism = 0
	return []ledger.Position{b.Position()}, nil, true
}

// plantBelowCommit lets an owner work on a record that was committed before the owner acquired the
// partition.
func plantBelowCommit(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok || a.under == nil || a.under.start == 0 || a.via != nil {
		return nil, nil, false
	}
	below := slices.DeleteFunc(slices.Clone(a.under.part.records), func(l *simRecord) bool { return l.place.Offset >= a.under.start })
	l, ok := anyOf(w, below)
	if !ok || l.deferred != nil {
		return nil, nil, false
	}
	b := w.again(a)
	b.Offset, b.Key, b.Seq, b.Generation = l.place.Offset, l.key, l.seq, 0
	w.facts.Parallelism = 0
	return []ledger.Position{b.Position()}, nil, true
}

func plantDuplicate(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	if !ok || w.rangeOf(a) != nil && !w.rangeIsWhole(a.Position()) {
		return nil, nil, false
	}
	return []ledger.Position{w.again(a).Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantRedelivery claims exactly-once for a run with a redelivery.
func plantRedelivery(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	again := w.expect().expected.must[CheckRedelivery]
	w.facts.Delivery = harness.ExactlyOnce
	return again, []string{CheckRedelivery}, len(again) > 0
}

// plantStranger lets a pod that never had the partition repeat the work of its owner.
func plantStranger(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	m, alive := anyOf(w, w.alive())
	if !ok || !alive || m.owner == a.Owner || w.rangeOf(a) != nil {
		return nil, nil, false
	}
	ended := slices.ContainsFunc(w.seen, func(e ledger.Event) bool { return e.Kind == ledger.EventDown && e.Owner == a.Owner && e.At <= a.end })
	had := slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		owns := e.Kind == ledger.EventOwned || e.Kind == ledger.EventRewound || e.Kind == ledger.EventReleased
		return owns && e.Owner == m.owner && e.Topic == a.Topic && e.Partition == a.Partition
	})
	holds := w.between(a.Position(), 0, a.end)
	for len(holds) > 0 && holds[len(holds)-1].Kind != ledger.EventOwned && holds[len(holds)-1].Kind != ledger.EventRewound && holds[len(holds)-1].Kind != ledger.EventReleased {
		holds = holds[:len(holds)-1]
	}
	if ended || had || len(holds) == 0 || holds[len(holds)-1].Owner != a.Owner || holds[len(holds)-1].Kind == ledger.EventReleased {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.under = m.owner, nil
	return []ledger.Position{b.Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantNeedlessRewind lets an owner read the commit again before anything has happened, and repeat
// its work.
func plantNeedlessRewind(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	if !ok || w.rangeOf(a) != nil || !w.undisturbed(a.Position(), a.At, a.end+3*nanosecond) || slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		return (e.Kind == ledger.EventInject || e.Kind == ledger.EventDown || e.Kind == ledger.EventExpelled) && e.At <= a.end
	}) {
		return nil, nil, false
	}
	p := w.part(a.Position())
	w.trace.needless = append(w.trace.needless, needlessRewind{p, a.end + nanosecond})
	w.event(ledger.Event{Kind: ledger.EventRewound, At: a.end + nanosecond, Owner: a.Owner, Topic: a.Topic, Partition: a.Partition, Offset: -1, Membership: ledger.Membership{Group: p.group}})
	b := w.again(a)
	b.At, b.Start, b.end = b.At+nanosecond, b.Start+nanosecond, b.end+nanosecond
	return []ledger.Position{b.Position()}, []string{CheckUnexplainedDuplicate}, true
}

// rangeOf is the first range that defers the record of an attempt, nil without one.
func (w *simulation) rangeOf(a *attempt) *ledger.Event {
	for i := range w.seen {
		if e := &w.seen[i]; e.Kind == ledger.EventDeferred && a.Topic == 0 && e.Partition == a.Partition && e.Offset <= a.Offset && a.Offset < e.To {
			return e
		}
	}
	return nil
}

// plantRangeTwice works on a record of a range a second time.
func plantRangeTwice(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	within := slices.DeleteFunc(w.alone(), func(a *attempt) bool {
		return w.rangeOf(a) == nil || a.At < w.rangeOf(a).At || !w.rangeIsWhole(a.Position())
	})
	a, ok := anyOf(w, within)
	if !ok {
		return nil, nil, false
	}
	return []ledger.Position{w.again(a).Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantOutputTwice repeats an output.
func plantOutputTwice(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleOutput))
	if !ok {
		return nil, nil, false
	}
	w.tick()
	place := w.copy(w.out, e.Key, e.Seq, nil)
	w.seen[len(w.seen)-1].Flags = ledger.FlagTransactional
	w.facts.DrainEnd = w.tick()
	return []ledger.Position{place}, []string{CheckUnexplainedDuplicate}, true
}

// plantZombie begins a record in the name of a member from which another owner has taken the
// partition.
func plantZombie(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	if !ok || w.rangeOf(a) != nil {
		return nil, nil, false
	}
	after := a.Event
	after.At = a.end
	lost, ok := anyOf(w, w.lossesBefore(after))
	if !ok || lost.Owner == a.Owner || w.trace.assigned(w.part(a.Position()), a.Owner, a.At) == nil {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.outcome, b.under = lost.Owner, ledger.OutcomeCancelled, nil
	return []ledger.Position{b.Position()}, []string{CheckZombie}, true
}

// plantExpelledZombie lets a member work on a partition that an expulsion took from it, long after
// the member learned of the expulsion.
func plantExpelledZombie(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	lost, ok := anyOf(w, slices.DeleteFunc(slices.Clone(w.trace.assignments), func(a *trueAssignment) bool { return a.learned == 0 }))
	if !ok {
		return nil, nil, false
	}
	w.now = max(w.now, lost.learned+w.facts.Heartbeat+time.Second)
	w.facts.DrainEnd = w.now + time.Second
	a, ok := anyOf(w, slices.DeleteFunc(w.effects(), func(a *attempt) bool { return w.part(a.Position()) != lost.part }))
	if !ok || w.trace.lastAssigned(lost.part, lost.by.owner, never) != lost || !w.isUp(lost.by, w.now) {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.under, b.outcome = lost.by.owner, nil, pick(w.r, ledger.OutcomeEffect, ledger.OutcomeCancelled)
	b.At, b.Start, b.end = w.now, w.now, w.now+nanosecond
	return []ledger.Position{b.Position()}, nil, true
}
