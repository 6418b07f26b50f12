package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
)

// zipf draws key k with a probability in proportion to 1/(k+1)^s: key 0 is the hottest.
// It inverts the cumulative distribution by binary search in a table of 8 bytes a key,
// with one random number a record. The rejection sampling of math/rand/v2 takes no
// exponent of 1 or less, where skews measured in practice often lie. Safe for many
// goroutines.
type zipf struct {
	s   float64
	sum []float64 // sum[k] is the probability of a key up to k, times the last
}

func newZipf(s float64, n int) (*zipf, error) {
	if !(s > 0) || math.IsInf(s, 0) {
		return nil, fmt.Errorf("exponent of %v: want a finite number above zero", s)
	}
	if err := checkCount("keys", n); err != nil {
		return nil, err
	}
	z := &zipf{s: s, sum: make([]float64, n)}
	total := 0.0
	for k := range z.sum {
		total += math.Pow(float64(k+1), -s)
		z.sum[k] = total
	}
	return z, nil
}

// Key implements [harness.Keys].
func (z *zipf) Key(_ uint64, r *rand.Rand) uint32 {
	u := r.Float64() * z.sum[len(z.sum)-1]
	k := sort.Search(len(z.sum), func(k int) bool { return z.sum[k] > u })
	return uint32(min(k, len(z.sum)-1))
}

// Count implements [harness.Keys].
func (z *zipf) Count() int { return len(z.sum) }

// Heavy implements [harness.Heavy].
func (z *zipf) Heavy() (keys []uint32) {
	before, total := 0.0, z.sum[len(z.sum)-1]
	for k, sum := range z.sum {
		if !isHeavy((sum-before)/total, len(z.sum)) {
			break
		}
		keys, before = append(keys, uint32(k)), sum
	}
	return keys
}

func (z *zipf) String() string { return fmt.Sprintf("zipf:%v/%d", z.s, len(z.sum)) }
