package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// effectSpan is an effect that may be of any assignment of its owner from earliest to latest, or of one under
// which its record was deferred. It is of none if the owner did not own the partition.
type effectSpan struct {
	owner            ledger.Owner
	earliest, latest int
	deferredUnder    []int
}

// candidates are the assignments that an effect may be of.
func (s effectSpan) candidates(p *partitionAssignments) (list []int) {
	for i := s.earliest; i <= s.latest; i++ {
		if p.list[i].owner == s.owner {
			list = append(list, i)
		}
	}
	return append(list, s.deferredUnder...)
}

// addAmbiguous adds an effect to the others of its offset, if one of them may be of several assignments, or of
// an earlier one than those before. before is the assignment of the earlier effects, if none of them was
// ambiguous. It reports whether the effect is explained, or the first.
func (p *partitionAssignments) addAmbiguous(offset int64, e effectSpan, before int) (explained bool) {
	if p.ambiguous == nil {
		p.ambiguous = map[int64][]effectSpan{}
	}
	others, known := p.ambiguous[offset]
	if !known && before != noAssignment {
		others = []effectSpan{{owner: p.list[before].owner, earliest: before, latest: before}}
	}
	p.ambiguous[offset] = append(others, e)
	if len(others) == 1 && len(others[0].candidates(p)) == 0 {
		return false // the pod of the first effect did not own the partition
	}
	return p.maxExplained(p.ambiguous[offset], offset) > p.maxExplained(others, offset)
}

// isAmbiguous reports whether an offset has such an effect.
func (p *partitionAssignments) isAmbiguous(offset int64) bool {
	return len(p.ambiguous) > 0 && p.ambiguous[offset] != nil
}

// maxExplained is how many effects of one offset rewinds can explain at most, the first effect included. Each
// effect takes an assignment of its own, and the base of all those assignments but the earliest is at the
// offset or below it. The earliest may have any base, so each candidate for it is tried.
func (p *partitionAssignments) maxExplained(effects []effectSpan, offset int64) int {
	most := p.maxMatching(effects, offset, noAssignment)
	for _, e := range effects {
		for _, i := range e.candidates(p) {
			if p.list[i].base > offset {
				most = max(most, p.maxMatching(effects, offset, i))
			}
		}
	}
	return most
}

// maxMatching is the size of a maximum bipartite matching (Kuhn's algorithm) of effects and assignments: of
// earliest, and of the later assignments with a base at the offset or below it.
func (p *partitionAssignments) maxMatching(effects []effectSpan, offset int64, earliest int) (n int) {
	effectOf := map[int]int{} // the matched effect by assignment
	var augment func(k int, tried map[int]bool) bool
	augment = func(k int, tried map[int]bool) bool {
		for _, i := range effects[k].candidates(p) {
			allowed := i == earliest || i > earliest && p.list[i].base <= offset
			if !allowed || tried[i] {
				continue
			}
			tried[i] = true
			if other, matched := effectOf[i]; !matched || augment(other, tried) {
				effectOf[i] = k
				return true
			}
		}
		return false
	}
	for k := range effects {
		if augment(k, map[int]bool{}) {
			n++
		}
	}
	return n
}
