package metric

import (
	"math"
	"slices"
)

// slopes estimates slopes of n points. It keeps its memory from one to the next.
type slopes struct {
	reciprocal []float64 // reciprocal of each distance of two points
	pairs      []float64
}

func newSlopes(n int) *slopes {
	s := &slopes{reciprocal: make([]float64, n), pairs: make([]float64, 0, n*(n-1)/2)}
	for d := 1; d < n; d++ {
		s.reciprocal[d] = 1 / float64(d)
	}
	return s
}

// of is the slope of Theil and Sen per point: the median of the slopes of all pairs.
func (s *slopes) of(points []float64) float64 {
	s.pairs = s.pairs[:0]
	for i, from := range points {
		for d, to := range points[i+1:] {
			s.pairs = append(s.pairs, (to-from)*s.reciprocal[d+1])
		}
	}
	return medianOf(s.pairs)
}

// outer is of for replicates: the median of the slopes of all pairs of a point of the first
// third and one of the last third. That is a quarter of the pairs, and its standard error is
// 4 % higher, as the far pairs say most.
func (s *slopes) outer(points []float64) float64 {
	s.pairs = s.pairs[:0]
	third := max(1, len(points)/3)
	last := points[len(points)-third:]
	for i, from := range points[:third] {
		near := s.reciprocal[len(points)-third-i:]
		for d, to := range last {
			s.pairs = append(s.pairs, (to-from)*near[d])
		}
	}
	return medianOf(s.pairs)
}

func slopeOf(points []float64) float64 { return newSlopes(len(points)).of(points) }

// medianOf is the median, 0 of no values. It changes their order.
func medianOf(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	selectValue(values, n/2)
	upper := values[n/2]
	if n%2 == 1 {
		return upper
	}
	return (slices.Max(values[:n/2]) + upper) / 2
}

// selectValue moves the k-th smallest value to its place, the smaller ones before it
// (quickselect with the median of three, Hoare).
func selectValue(v []float64, k int) {
	lo, hi := 0, len(v)-1
	for lo < hi {
		mid := (lo + hi) / 2
		pivot := max(min(v[lo], v[mid]), min(max(v[lo], v[mid]), v[hi]))
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return
		}
	}
}

// studentQuantile is the quantile of Student's t with this many degrees of freedom, by the
// expansion of Cornish and Fisher around the normal quantile. With 3 degrees it is 2 % off.
func studentQuantile(p float64, freedom int) float64 {
	z, f := math.Sqrt2*math.Erfinv(2*p-1), float64(freedom)
	z2 := z * z
	return z * (1 + (z2+1)/(4*f) + ((5*z2+16)*z2+3)/(96*f*f) + (((3*z2+19)*z2+17)*z2-15)/(384*f*f*f))
}
