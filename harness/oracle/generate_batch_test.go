package oracle

import (
	"slices"
	"time"
)

// batch turns an attempt that has just begun into one of a call for several records of its key, in
// the order of the log.
func (w *simulation) batch(p *simPartition, first *attempt) {
	more := w.r.IntN(4)
	if more == 0 {
		return
	}
	w.calls++
	first.Call = w.calls
	for _, l := range p.records {
		if more == 0 || l.key != first.Key || l.place.Offset <= first.Offset || p.done[l.place] {
			continue
		}
		a := w.attempt(p, l, p.owner, first.At)
		a.Call = w.calls
		p.busy[l.place] = a
		more--
	}
}

// together lists the attempts that end at the same time as one.
func (p *simPartition) together(a *attempt) []*attempt {
	if a.Call == 0 {
		return []*attempt{a}
	}
	return slices.DeleteFunc(p.open(), func(o *attempt) bool { return o.Call != a.Call })
}

// endTogether ends the remaining attempts of each call of a lost member in one instant.
func (w *simulation) endTogether() {
	ends := map[uint32]time.Duration{}
	for _, a := range w.attempts {
		if a.Call == 0 {
			continue
		}
		if end, ok := ends[a.Call]; ok {
			a.end = end
		}
		ends[a.Call] = a.end
	}
}
