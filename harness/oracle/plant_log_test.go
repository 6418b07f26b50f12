package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// plantLogDuplicate appends a record twice. The consumer works on both.
func plantLogDuplicate(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	p := pick(w.r, w.parts[:w.facts.Partitions]...)
	if len(p.records) == 0 || len(w.facts.Sides) > 0 || w.facts.Producer.NotIdempotent {
		return nil, nil, false
	}
	l, place := pick(w.r, p.records...), p.place
	w.appendRecord(p, place, l.key, l.seq)
	start := w.tick()
	a := &attempt{Event: ledger.Event{
		Kind: ledger.EventStart, At: start, Start: start, Owner: p.owner.owner, Partition: place.Partition, Offset: place.Offset, Key: l.key, Seq: l.seq,
	}}
	a.end, a.outcome, a.under = w.tick(), ledger.OutcomeEffect, p.pass
	w.attempts = append(w.attempts, a)
	w.facts.Final[place.Partition] = place.Offset + 1
	w.facts.DrainEnd = w.tick()
	return []ledger.Position{place}, []string{CheckLogDuplicate}, true
}

// plantLogOrder appends two records of a key in the wrong order.
func plantLogOrder(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	all := w.sourceRecords()
	l, ok := anyOf(w, all)
	if !ok || len(w.facts.Sides) > 0 || w.facts.Producer.NotIdempotent {
		return nil, nil, false
	}
	i := slices.IndexFunc(all, func(o *simRecord) bool {
		return o.key == l.key && o.place.Partition == l.place.Partition && o.seq > l.seq && o.place.Offset > l.place.Offset
	})
	if i < 0 {
		return nil, nil, false
	}
	next := all[i]
	for place, seq := range map[ledger.Position]uint32{l.place: next.seq, next.place: l.seq} {
		w.ids[place] = [2]uint32{l.key, seq}
		for _, a := range w.on(place) {
			a.Seq = seq
		}
		for i := range w.seen {
			if e := &w.seen[i]; e.Kind == ledger.EventAcked && e.Outcome == ledger.OutcomeAcked && e.Position() == place {
				e.Seq = seq
			}
		}
	}
	return []ledger.Position{next.place}, []string{CheckLogOrder}, true
}

// plantCorruption alters a value on its way to an attempt or to a side topic.
func plantCorruption(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if letters := w.appended(harness.RoleDeadLetter); len(letters) > 0 && w.r.IntN(2) == 0 {
		e := pick(w.r, letters...)
		e.Flags |= ledger.FlagCorrupt
		return []ledger.Position{e.Position()}, []string{CheckCorruption}, true
	}
	a, ok := anyOf(w, w.attempts)
	if !ok {
		return nil, nil, false
	}
	a.Flags |= ledger.FlagCorrupt
	return []ledger.Position{a.Position()}, []string{CheckCorruption}, true
}

func plantPhantom(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok {
		return nil, nil, false
	}
	b := w.again(a)
	switch w.r.IntN(3) {
	case 0:
		b.Offset = w.part(a.Position()).place.Offset + w.r.Int64N(5)
	case 1:
		b.Key += 1000
	case 2:
		b.Seq += 1000
	}
	return []ledger.Position{b.Position()}, []string{CheckPhantom}, true
}

// plantPhantomCopy appends a dead letter of a record that was never sent.
func plantPhantomCopy(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if w.deadLetters == nil {
		return nil, nil, false
	}
	w.tick()
	place := w.copy(pick(w.r, w.deadLetters...), 1000, uint32(w.r.IntN(5)), nil)
	w.facts.DrainEnd = w.tick()
	return []ledger.Position{place}, []string{CheckPhantom}, true
}
