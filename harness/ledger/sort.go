package ledger

import "slices"

// sorter sorts moments by their time with a radix sort, the lowest digit first. Moments
// come nearly in order. Where many sends or attempts are open at once, a comparing sort
// costs five times as much. The zero value is ready.
type sorter struct {
	spare  []moment
	counts [1 << digitBits]int32
}

const (
	digitBits = 11
	fewest    = 256 // moments that are worth a radix sort
)

// sortMoments returns list in order, in the memory of list or of an earlier one.
func (s *sorter) sortMoments(list []moment) []moment {
	if len(list) < fewest {
		slices.SortFunc(list, compareMoments)
		return list
	}
	least, most, sorted := list[0].at, list[0].at, true
	for i := 1; i < len(list); i++ {
		sorted = sorted && !list[i].isBefore(list[i-1])
		least, most = min(least, list[i].at), max(most, list[i].at)
	}
	if sorted {
		return list
	}
	s.spare = slices.Grow(s.spare[:0], len(list))[:len(list)]
	for shift := 0; uint64(most-least)>>shift > 0; shift += digitBits {
		digit := func(m *moment) uint64 { return uint64(m.at-least) >> shift & (1<<digitBits - 1) }
		clear(s.counts[:])
		for i := range list {
			s.counts[digit(&list[i])]++
		}
		from := int32(0)
		for d, n := range s.counts {
			s.counts[d], from = from, from+n
		}
		for i := range list {
			d := digit(&list[i])
			s.spare[s.counts[d]] = list[i]
			s.counts[d]++
		}
		list, s.spare = s.spare, list
	}
	orderTies(list)
	return list
}

// orderTies puts moments of one time in the order of cause. They are few, but for
// runs in virtual time.
func orderTies(list []moment) {
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].at == list[from].at {
			to++
		}
		if to > from+1 {
			slices.SortFunc(list[from:to], compareMoments)
		}
		from = to
	}
}

// compareMoments never finds two equal.
func compareMoments(a, b moment) int {
	if a.isBefore(b) {
		return -1
	}
	return 1
}
