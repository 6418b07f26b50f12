package profile

import (
	"math"
	"math/bits"
)

// sizeCounter counts lengths in buckets: one for each length below 64, and 32 for each power of two
// above. So a bucket is at most 1/32 of its lengths wide.
type sizeCounter struct {
	buckets    []sizeBucket
	tombstones uint64
	sum, sum2  float64 // sum of the lengths, and of their squares
}

// sizeBucket has the weight of its values and the sum of their lengths.
type sizeBucket struct {
	records uint64
	bytes   float64
}

const (
	sizeExact      = 64 // lengths below are exact
	sizePerOctave  = 32
	sizeShift      = 5 // of sizePerOctave
	sizeResolution = 1.0 / sizePerOctave
)

// sizeIndex is the bucket of a length.
func sizeIndex(size int) int {
	if size < sizeExact {
		return size
	}
	exponent := bits.Len(uint(size)) - 1 // 6 for 64 to 127
	return sizeExact + (exponent-6)<<sizeShift + size>>(exponent-sizeShift) - sizePerOctave
}

// addSize counts a value; a length below 0 is a tombstone.
func (c *sizeCounter) addSize(size int, weight uint64) {
	if size < 0 {
		c.tombstones += weight
		size = 0
	}
	i := sizeIndex(size)
	for len(c.buckets) <= i {
		c.buckets = append(c.buckets, sizeBucket{})
	}
	w, s := float64(weight), float64(size)
	c.buckets[i].records += weight
	c.buckets[i].bytes += w * s
	c.sum, c.sum2 = c.sum+w*s, c.sum2+w*s*s
}

// distribution is what was counted, of records with this weight in all.
func (c *sizeCounter) distribution(records uint64, effective float64) Sizes {
	s := Sizes{Tombstones: c.tombstones, Resolution: sizeResolution}
	if records == 0 {
		return s
	}
	n := float64(records)
	s.Mean = c.sum / n
	s.MeanError = z95 * math.Sqrt(max(0, c.sum2/n-s.Mean*s.Mean)/effective)
	s.Error = dkw95 / math.Sqrt(effective)
	for _, b := range c.buckets {
		if b.records > 0 {
			s.Buckets = append(s.Buckets, Bucket{int(math.Round(b.bytes / float64(b.records))), b.records})
		}
	}
	for _, q := range []float64{0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999} {
		half := z95 * math.Sqrt(q*(1-q)/effective)
		s.Quantiles = append(s.Quantiles, Quantile{q, s.quantile(q, n), s.quantile(q-half, n), s.quantile(q+half, n)})
	}
	return s
}

// dkw95 over the root of n bounds the error of an empirical distribution in 95 % of cases
// (Massart, The Tight Constant in the Dvoretzky-Kiefer-Wolfowitz Inequality, 1990).
var dkw95 = math.Sqrt(math.Log(2/0.05) / 2)

// quantile is the size that a share q of n values does not exceed.
func (s *Sizes) quantile(q, n float64) int {
	sum := 0.0
	for _, b := range s.Buckets {
		if sum += float64(b.Records); sum >= q*n {
			return b.Bytes
		}
	}
	return s.Buckets[len(s.Buckets)-1].Bytes
}
