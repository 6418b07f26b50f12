package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// effectSpan is an effect that may belong to any tenure of its owner from low to high, or
// to one under which a range was set aside that has its record; or to none, of an owner
// without the partition.
type effectSpan struct {
	owner         ledger.Owner
	low, high     int
	deferredUnder []int
}

// candidates are those that an effect may belong to.
func (s effectSpan) candidates(of *partitionAssignments) (list []int) {
	for i := s.low; i <= s.high; i++ {
		if of.list[i].owner == s.owner {
			list = append(list, i)
		}
	}
	return append(list, s.deferredUnder...)
}

// maxExplained is the most of the effects of one offset that a rewind each explains, and
// the first: each takes a tenure of its own, and the base of all those tenures but
// the earliest lies at the offset or below it. It looks for a largest matching by
// augmenting paths, once for each tenure that could be the earliest in spite of its
// base.
func (p *partitionAssignments) maxExplained(effects []effectSpan, offset int64) int {
	most := p.maxMatching(effects, offset, -1)
	for _, e := range effects {
		for _, i := range e.candidates(p) {
			if p.list[i].base > offset {
				most = max(most, p.maxMatching(effects, offset, i))
			}
		}
	}
	return most
}

// maxMatching deals out the tenures past earliest that are based at the offset or below
// it, and earliest itself.
func (p *partitionAssignments) maxMatching(effects []effectSpan, offset int64, earliest int) (n int) {
	takenBy := map[int]int{} // effect by tenure
	var place func(k int, tried map[int]bool) bool
	place = func(k int, tried map[int]bool) bool {
		for _, i := range effects[k].candidates(p) {
			fit := i == earliest || i > earliest && p.list[i].base <= offset
			if !fit || tried[i] {
				continue
			}
			tried[i] = true
			if other, taken := takenBy[i]; !taken || place(other, tried) {
				takenBy[i] = k
				return true
			}
		}
		return false
	}
	for k := range effects {
		if place(k, map[int]bool{}) {
			n++
		}
	}
	return n
}

// addAmbiguous adds an effect to the others of its offset where one of them may
// belong to several tenures, or to an earlier one than those before. was is the
// tenure of those before, if none of them did. It reports whether the effect is explained, or the first.
func (p *partitionAssignments) addAmbiguous(offset int64, e effectSpan, was int) (excused bool) {
	if p.ambiguous == nil {
		p.ambiguous = map[int64][]effectSpan{}
	}
	others, known := p.ambiguous[offset]
	if !known && was >= 0 {
		others = []effectSpan{{owner: p.list[was].owner, low: was, high: was}}
	}
	p.ambiguous[offset] = append(others, e)
	if len(others) == 1 && len(others[0].candidates(p)) == 0 {
		return false // the first was nobody's
	}
	return p.maxExplained(p.ambiguous[offset], offset) > p.maxExplained(others, offset)
}

// isAmbiguous reports whether an offset has such an effect.
func (p *partitionAssignments) isAmbiguous(offset int64) bool {
	return len(p.ambiguous) > 0 && p.ambiguous[offset] != nil
}
