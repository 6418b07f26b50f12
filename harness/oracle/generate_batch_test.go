package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// batch makes an attempt that was just begun one of a call for several records of
// its key, in the order of the log.
func (w *world) batch(p *part, first *attempt) {
	more := w.r.IntN(4)
	if more == 0 {
		return
	}
	w.calls++
	first.SetCall(w.calls)
	for _, l := range p.landed {
		if more == 0 || l.key != first.Key || l.place.Offset <= first.Offset || p.done[l.place] {
			continue
		}
		a := w.attempt(p, l, p.owner, first.At)
		a.SetCall(w.calls)
		p.busy[l.place] = a
		more--
	}
}

// together are the attempts that end with one.
func (p *part) together(a *attempt) []*attempt {
	if a.Call() == 0 {
		return []*attempt{a}
	}
	return slices.DeleteFunc(p.open(), func(o *attempt) bool { return o.Call() != a.Call() })
}

// endTogether ends in one instant what is left of the calls of those that were away.
func (w *world) endTogether() {
	ends := map[uint32]time.Duration{}
	for _, a := range w.attempts {
		if a.Call() == 0 {
			continue
		}
		if end, ok := ends[a.Call()]; ok {
			a.end = end
		}
		ends[a.Call()] = a.end
	}
}

// plantBatchOrder turns two neighbours in a call around.
func plantBatchOrder(w *world) (at []ledger.Position, fails []string, ok bool) {
	var fit []int // the second of each pair
	single := w.single()
	once := func(a *attempt) bool { return slices.Contains(single, a) && len(w.on(a.Position())) == 1 }
	for i := 1; i < len(w.attempts); i++ {
		a, b := w.attempts[i-1], w.attempts[i]
		if b.Call() > 0 && a.Call() == b.Call() && once(a) && once(b) {
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
func plantBatchOverlap(w *world) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt // the second of a pair, and the last of its call
	for i := 1; i < len(w.attempts); i++ {
		a, b := w.attempts[i-1], w.attempts[i]
		last := i+1 == len(w.attempts) || w.attempts[i+1].Call() != b.Call()
		if b.Call() > 0 && a.Call() == b.Call() && last && w.undisturbed(b.Position(), b.At, b.end) {
			fit = append(fit, b)
		}
	}
	b, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	b.SetCall(pick(w.r, 0, w.calls+1))
	return []ledger.Position{b.Position()}, []string{CheckOverlap}, true
}
