package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// plantAnything has a member that is up do some work at some moment, with a right to it
// or without one. The trace says what that is.
func plantAnything(w *world) (at []ledger.Position, fails []string, ok bool) {
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
		b.Count = 0
		b.delivery = w.trace.deliveredTo(b.Position(), m.owner, b.At)
	}
	if !slices.ContainsFunc(part.landed, func(l *landing) bool { return l.place == b.Position() && l.at < b.At }) {
		return nil, nil, false
	}
	w.attempts = append(w.attempts, &b)
	w.facts.Parallelism = 0
	return []ledger.Position{b.Position()}, nil, true
}

// plantBelowCommit has an owner work on a record that was committed before it got the
// partition.
func plantBelowCommit(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok || a.under == nil || a.under.start == 0 || a.via != nil {
		return nil, nil, false
	}
	below := slices.DeleteFunc(slices.Clone(a.under.part.landed), func(l *landing) bool { return l.place.Offset >= a.under.start })
	l, ok := anyOf(w, below)
	if !ok || l.aside != nil {
		return nil, nil, false
	}
	b := w.again(a)
	b.Offset, b.Key, b.Seq, b.Generation = l.place.Offset, l.key, l.seq, 0
	w.facts.Parallelism = 0
	return []ledger.Position{b.Position()}, nil, true
}

// plantExpelledZombie has a member work on a record of a partition that an expulsion took
// from it, long after it has learned that.
func plantExpelledZombie(w *world) (at []ledger.Position, fails []string, ok bool) {
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

// isUp reports whether a member is up at a time, and not paused.
func (w *world) isUp(m *member, when time.Duration) bool {
	for _, e := range w.seen {
		if e.Owner == m.owner && (e.Kind == ledger.EventUp && e.At > when || e.Kind == ledger.EventDown && e.At <= when) {
			return false
		}
	}
	return !slices.ContainsFunc(w.trace.outages, func(o outage) bool { return o.of == m && o.from <= when && when <= o.to })
}
