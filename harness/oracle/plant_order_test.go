package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// retried lists the effects whose record had one attempt before. That attempt failed, under the
// same owner.
func (w *simulation) retried() (list []*attempt) {
	for _, a := range w.effects() {
		on := w.on(a.Position())
		if len(on) == 2 && on[0].outcome == ledger.OutcomeError && on[1] == a && on[0].Owner == a.Owner {
			list = append(list, a)
		}
	}
	return list
}

// swap exchanges the records of two attempts. b is the next after a in its partition or, with
// sameKey, in its key, and no commit lies between them. With failed, an attempt on the earlier
// record failed before.
func (w *simulation) swap(sameKey, adjacent, failed bool) (at []ledger.Position, ok bool) {
	type pair struct{ a, b *attempt }
	var fit []pair
	firsts := w.single()
	if failed {
		firsts = w.retried()
	}
	for _, a := range firsts {
		for _, b := range w.single() {
			if a.Partition != b.Partition || a.Offset >= b.Offset || a.end >= b.end || (a.Key == b.Key) != sameKey {
				continue
			}
			between := slices.ContainsFunc(w.part(a.Position()).records, func(l *simRecord) bool {
				return l.place.Offset > a.Offset && l.place.Offset < b.Offset && (adjacent || l.key == a.Key)
			})
			commits := slices.ContainsFunc(w.between(a.Position(), a.end, b.end), func(e ledger.Event) bool { return e.Kind == ledger.EventCommit })
			if !between && !commits {
				fit = append(fit, pair{a, b})
			}
		}
	}
	p, ok := anyOf(w, fit)
	if !ok {
		return nil, false
	}
	at = []ledger.Position{p.a.Position()}
	a, b := &p.a.Event, &p.b.Event
	a.Offset, b.Offset = b.Offset, a.Offset
	a.Key, b.Key = b.Key, a.Key
	a.Seq, b.Seq = b.Seq, a.Seq
	return at, true
}

func plantInversion(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	switch w.facts.Order {
	case harness.OrderKey:
		at, ok = w.swap(true, false, false)
		fails = []string{CheckKeyInversion}
	case harness.OrderPartition:
		at, ok = w.swap(true, true, false)
		fails = []string{CheckKeyInversion, CheckPartitionInversion}
	}
	return at, fails, ok
}

// plantReverse swaps two records of a key that were read again.
func plantReverse(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	type pair struct{ a, b *attempt }
	var fit []pair
	again := func(a *attempt) bool {
		return slices.ContainsFunc(w.effects(), func(o *attempt) bool { return o.Position() == a.Position() && o.end < a.At })
	}
	effects := w.effects()
	for i, a := range effects {
		next := slices.IndexFunc(effects[i+1:], func(b *attempt) bool { return b.Key == a.Key && b.Partition == a.Partition })
		if next < 0 || w.facts.Order == harness.OrderNone || a.Topic != 0 {
			continue
		}
		b := effects[i+1+next]
		if b.Topic == 0 && b.Owner == a.Owner && b.Offset > a.Offset && again(a) && again(b) && w.undisturbed(a.Position(), a.At, b.end) {
			fit = append(fit, pair{a, b})
		}
	}
	p, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	at = []ledger.Position{p.a.Position()}
	p.a.Offset, p.b.Offset = p.b.Offset, p.a.Offset
	p.a.Seq, p.b.Seq = p.b.Seq, p.a.Seq
	must := w.expect().expected.must
	return at, []string{CheckKeyInversion}, len(must[CheckKeyInversion]) == 1 && len(must[CheckRetryOvertaking]) == 0
}

func plantOvertaking(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	switch w.facts.Order {
	case harness.OrderKey:
		at, ok = w.swap(true, false, true)
		fails = []string{CheckRetryOvertaking}
	case harness.OrderPartition:
		at, ok = w.swap(true, true, true)
		fails = []string{CheckRetryOvertaking, CheckPartitionInversion}
	}
	return at, fails, ok
}

func plantPartitionOrder(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if w.facts.Order == harness.OrderPartition {
		at, ok = w.swap(false, true, false)
	}
	return at, []string{CheckPartitionInversion}, ok
}

// inOrder is what all records have in common of which only one may be in flight at once.
func (w *simulation) inOrder(a *attempt) uint32 {
	if w.facts.Order == harness.OrderPartition {
		return uint32(a.Partition)
	}
	if w.facts.Added > 0 { // a key has an order in each of its partitions
		return a.Key<<8 | uint32(a.Partition)
	}
	return a.Key
}

// plantOverlap begins an attempt before the end of the attempt before it on its key, or in its
// partition.
func plantOverlap(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if w.facts.Order == harness.OrderNone {
		return nil, nil, false
	}
	var fit []*attempt
	last := map[uint32]*attempt{}
	before := map[*attempt]*attempt{}
	for _, a := range w.attempts { // in the order of their starts
		if b := last[w.inOrder(a)]; b != nil && b.Owner == a.Owner && w.undisturbed(a.Position(), b.At, a.At) {
			before[a] = b
			fit = append(fit, a)
		}
		last[w.inOrder(a)] = a
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	a.At = before[a].end - nanosecond
	a.Start = a.At
	return []ledger.Position{a.Position()}, []string{CheckOverlap}, true
}

// plantBatchOrder swaps two neighbours in a call.
func plantBatchOrder(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	var fit []int // the second of each pair
	single := w.single()
	once := func(a *attempt) bool { return slices.Contains(single, a) && len(w.on(a.Position())) == 1 }
	for i := 1; i < len(w.attempts); i++ {
		a, b := w.attempts[i-1], w.attempts[i]
		if b.Call > 0 && a.Call == b.Call && once(a) && once(b) {
			fit = append(fit, i)
		}
	}
	i, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	w.attempts[i-1], w.attempts[i] = w.attempts[i], w.attempts[i-1]
	return []ledger.Position{w.attempts[i].Position()}, []string{CheckKeyInversion}, true
}

// plantBatchOverlap makes two calls of one.
func plantBatchOverlap(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt // the second of a pair, and the last of its call
	for i := 1; i < len(w.attempts); i++ {
		a, b := w.attempts[i-1], w.attempts[i]
		last := i+1 == len(w.attempts) || w.attempts[i+1].Call != b.Call
		if b.Call > 0 && a.Call == b.Call && last && w.undisturbed(b.Position(), b.At, b.end) {
			fit = append(fit, b)
		}
	}
	b, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	b.Call = pick(w.r, 0, w.calls+1)
	return []ledger.Position{b.Position()}, []string{CheckOverlap}, true
}
