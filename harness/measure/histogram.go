package measure

import (
	"math/bits"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/stampede-bench/stampede/harness"
)

// The range and precision of every histogram.
const (
	lowest  = time.Microsecond
	highest = time.Hour
	digits  = 3
)

// histogram is an HDR histogram of durations that also keeps the exact maximum
// and mean, which buckets only approximate. The zero value is empty; counts are
// allocated with the first value. They take 270 KiB, and a packed histogram has none.
type histogram struct {
	counts  *hdrhistogram.Histogram
	packed  []bucket // in place of counts
	n       uint64
	sum     [2]uint64 // sum of all values, high word first: an hour a million times over does not fit one
	max     time.Duration
	clamped int64
}

// bucket is a bucket that is not empty: one of its values, and how many values are in it.
type bucket struct{ value, n int64 }

// pack keeps the buckets with values alone.
func (h *histogram) pack() {
	if h.counts == nil {
		return
	}
	for _, bar := range h.counts.Distribution() {
		if bar.Count > 0 {
			h.packed = append(h.packed, bucket{bar.From, bar.Count})
		}
	}
	h.packed, h.counts = slices.Clip(h.packed), nil
}

// unpack undoes pack, and allocates counts where there are none.
func (h *histogram) unpack() {
	if h.counts == nil {
		h.counts = hdrhistogram.New(1, int64(highest), digits)
	}
	h.addPacked(h.packed)
	h.packed = nil
}

// addPacked adds the counts of packed buckets. The range of all histograms is one, so each value
// is in the same bucket again.
func (h *histogram) addPacked(all []bucket) {
	for _, b := range all {
		_ = h.counts.RecordValues(b.value, b.n) // fails out of range only
	}
}

// recordValue adds a value, moved to the nearer end of the range if it is outside.
func (h *histogram) recordValue(d time.Duration) {
	if h.counts == nil {
		// The unit is 1 ns and not the lowest value, since HDR gives the
		// significant digits only far above its unit.
		h.counts = hdrhistogram.New(1, int64(highest), digits)
	}
	if d < lowest {
		d, h.clamped = lowest, h.clamped+1
	} else if d > highest {
		d, h.clamped = highest, h.clamped+1
	}
	_ = h.counts.RecordValue(int64(d)) // fails out of range only
	h.n++
	h.max = max(h.max, d)
	h.addCount(0, uint64(d))
}

func (h *histogram) addCount(high, low uint64) {
	var carry uint64
	h.sum[1], carry = bits.Add64(h.sum[1], low, 0)
	h.sum[0] += high + carry
}

// mergeFrom adds all values of another histogram, as if they had been recorded here.
func (h *histogram) mergeFrom(from *histogram) {
	if from.n == 0 {
		return
	}
	if h.unpack(); from.counts != nil {
		h.counts.Merge(from.counts) // drops nothing: both have one range
	}
	h.addPacked(from.packed)
	h.n += from.n
	h.max = max(h.max, from.max)
	h.clamped += from.clamped
	h.addCount(from.sum[0], from.sum[1])
}

// reset empties the histogram and keeps its memory.
func (h *histogram) reset() {
	if h.n == 0 {
		return
	}
	h.counts.Reset()
	*h = histogram{counts: h.counts}
}

// percentile is at most 0.1 % above the true one, and never above the maximum;
// 0 if empty.
func (h *histogram) percentile(p float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	return min(time.Duration(h.counts.ValueAtPercentile(p)), h.max)
}

// mean is exact; 0 if empty.
func (h *histogram) mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	m, _ := bits.Div64(h.sum[0], h.sum[1], h.n)
	return time.Duration(m)
}

func (h *histogram) quantiles() harness.Quantiles {
	return harness.Quantiles{
		N:    int64(h.n),
		Mean: h.mean(),
		P50:  h.percentile(50),
		P90:  h.percentile(90),
		P99:  h.percentile(99),
		P999: h.percentile(99.9),
		Max:  h.max,
	}
}

// A curve has this many points each time the distance to 100 % halves, and ends
// where fewer than this many samples lie beyond: past that it would draw chance.
const (
	curveTicks = 5
	curveTail  = 10
)

// curvePoints is the percentile curve, empty where there are too few samples.
func (h *histogram) curvePoints() []harness.CurvePoint {
	if h.n == 0 {
		return nil
	}
	var points []harness.CurvePoint
	for _, b := range h.counts.CumulativeDistributionWithTicks(curveTicks) {
		// In percent as HDR has it: 99.9 over 100 is not exactly 0.999, and the
		// tail of 10,000 samples would come out a hair below 10.
		if (100-b.Quantile)*float64(h.n) < 100*curveTail*(1-1e-9) {
			break
		}
		points = append(points, harness.CurvePoint{
			Quantile: b.Quantile / 100,
			Latency:  min(time.Duration(b.ValueAt), h.max),
		})
	}
	return points
}
