package oracle

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestLatencies holds the quantiles of the histogram to those of the sorted
// values: never below, at most a sixteenth above.
func TestLatencies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var l latencies
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(r.Int64N(1<<r.IntN(40))) * time.Microsecond
		l.addDuration(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.9999} {
		want := all[int(q*float64(len(all)))]
		if got := l.quantile(q); got < want || got > want+want/16 {
			t.Errorf("quantile %v is %v, want %v to a sixteenth more", q, got, want)
		}
	}
	for us := uint64(0); us < 1<<20; us++ {
		if b := latencyBucket(us); bucketUpper(b) < us || b > 0 && bucketUpper(b-1) >= us {
			t.Fatalf("%d us is in bucket %d, which ends at %d", us, b, bucketUpper(b))
		}
	}
}
