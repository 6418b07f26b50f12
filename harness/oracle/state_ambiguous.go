package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// span is an effect that may belong to any tenure of its owner from low to high, or
// to one under which a range was set aside that has its record; or to none, of an owner
// without the partition.
type span struct {
	owner     ledger.Owner
	low, high int
	aside     []int
}

// tenures are those that an effect may belong to.
func (s span) tenures(of *tenures) (list []int) {
	for i := s.low; i <= s.high; i++ {
		if of.list[i].owner == s.owner {
			list = append(list, i)
		}
	}
	return append(list, s.aside...)
}

// deal is the most of the effects of one offset that a rewind each explains, and
// the first: each takes a tenure of its own, and the base of all those tenures but
// the earliest lies at the offset or below it. It looks for a largest matching by
// augmenting paths, once for each tenure that could be the earliest in spite of its
// base.
func (p *tenures) deal(effects []span, offset int64) int {
	most := p.match(effects, offset, -1)
	for _, e := range effects {
		for _, i := range e.tenures(p) {
			if p.list[i].base > offset {
				most = max(most, p.match(effects, offset, i))
			}
		}
	}
	return most
}

// match deals out the tenures past earliest that are based at the offset or below
// it, and earliest itself.
func (p *tenures) match(effects []span, offset int64, earliest int) (n int) {
	takenBy := map[int]int{} // effect by tenure
	var place func(k int, tried map[int]bool) bool
	place = func(k int, tried map[int]bool) bool {
		for _, i := range effects[k].tenures(p) {
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

// uncertain adds an effect to the others of its offset where one of them may
// belong to several tenures, or to an earlier one than those before. was is the
// tenure of those before, if none of them did. It reports whether the effect is explained, or the first.
func (p *tenures) uncertain(offset int64, e span, was int) (excused bool) {
	if p.unsure == nil {
		p.unsure = map[int64][]span{}
	}
	others, known := p.unsure[offset]
	if !known && was >= 0 {
		others = []span{{owner: p.list[was].owner, low: was, high: was}}
	}
	p.unsure[offset] = append(others, e)
	if len(others) == 1 && len(others[0].tenures(p)) == 0 {
		return false // the first was nobody's
	}
	return p.deal(p.unsure[offset], offset) > p.deal(others, offset)
}

// isUnsure reports whether an offset has such an effect.
func (p *tenures) isUnsure(offset int64) bool {
	return len(p.unsure) > 0 && p.unsure[offset] != nil
}
