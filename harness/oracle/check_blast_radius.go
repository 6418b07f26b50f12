package oracle

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckBlastRadius counts slow records of the other keys, where the scenario makes some keys hot or lets their
// work fail (the aggressors). A record is slow if its end-to-end latency, from due to its first effect, is over
// the limit. The limit is the scenario's objective for others-p99, or 1 s.
//
// The count is the number of slow records beyond one in a hundred (rounded down) of the other keys' records. If
// the count is above zero, the p99 is over the limit.
const CheckBlastRadius = "blast radius"

var _ = register(entry{
	name: CheckBlastRadius, gravity: limitsOverridden + 2,
	finds: "slow records of all other keys, where some keys are hot or fail",
	claim: "the objective others-p99 of the scenario; without it, latencies of more than 1 s are counted and not judged",
	heldTo: func(f *Facts) string {
		if limit := f.Limits.OthersP99; limit > 0 && len(f.Aggressors) > 0 {
			return fmt.Sprintf("p99 of the other keys at most %v", limit)
		}
		return ""
	},
	needs:    []string{LedgerComplete, LoadDelivered, NoPodStarved},
	sends:    func(f *Facts) bool { return len(f.Aggressors) > 0 },
	newCheck: func(s *judgeState) check { return newBlastRadius(s.Facts) },
})

// slowFor is the limit if the scenario sets none.
const slowFor = time.Second

type blastRadius struct {
	facts               *Facts
	aggressors          []uint32 // aggressors are sorted.
	limit               time.Duration
	aggressorPartitions []bool // aggressorPartitions are those of the source where aggressors lie, as far as seen.
	slow                int64
	examples            []harness.Anomaly

	aggressorLatency latencies
	samePartitions   latencies // samePartitions are records of other keys in the aggressors' partitions.
	otherPartitions  latencies // otherPartitions are records of other keys in all other partitions.
}

func newBlastRadius(f *Facts) *blastRadius {
	b := &blastRadius{facts: f, aggressors: slices.Sorted(slices.Values(f.Aggressors)), limit: slowFor, aggressorPartitions: make([]bool, f.Partitions)}
	if f.Limits.OthersP99 > 0 {
		b.limit = f.Limits.OthersP99
	}
	return b
}

func (b *blastRadius) Observe(events *batch) {
	if len(b.aggressors) == 0 {
		return
	}
	for _, e := range events.Work {
		switch {
		case e.Kind == ledger.EventAcked && e.Held:
			if b.isAggressor(e.Key) {
				b.aggressorPartitions[e.Origin] = true
			}
		case e.First:
			b.addEffectLatency(e)
		}
	}
}

func (b *blastRadius) addEffectLatency(e *ledger.Event) {
	took := e.At - e.Due
	switch {
	case b.isAggressor(e.Key):
		b.aggressorLatency.addDuration(took)
		return
	case b.aggressorPartitions[e.Origin]:
		b.samePartitions.addDuration(took)
	default:
		b.otherPartitions.addDuration(took)
	}
	if took > b.limit {
		if b.slow++; len(b.examples) < maxExamples {
			b.examples = append(b.examples, anomalyOf(b.facts, e, "took %s from due to its effect at %s by %s", formatTime(took), formatTime(e.At), b.facts.podName(e.Owner)))
		}
	}
}

func (b *blastRadius) isAggressor(key uint32) bool {
	_, found := slices.BinarySearch(b.aggressors, key)
	return found
}

func (b *blastRadius) Verdict() harness.Verdict {
	others := b.samePartitions.n + b.otherPartitions.n
	v := harness.Verdict{Count: max(0, b.slow-others/100)}
	if v.Count > 0 {
		v.Examples = b.examples
	}
	if b.aggressorLatency.n > 0 && others > 0 {
		v.Detail = fmt.Sprintf("p50 and p99 of the %d aggressors %s, of other keys in their partitions %s, elsewhere %s; %d of %d records of other keys took longer than %v",
			len(b.aggressors), b.aggressorLatency, b.samePartitions, b.otherPartitions, b.slow, others, b.limit)
	}
	return v
}

// latencies is a histogram of 16 buckets an octave from 1 us on. Its quantiles are at most a sixteenth
// too high. The zero value is empty.
type latencies struct {
	n       int64
	buckets [latencyBuckets]int64
}

const latencyBuckets = 16 * 44 // up to 2^47 us

func (l *latencies) addDuration(d time.Duration) {
	l.n++
	l.buckets[min(latencyBucket(uint64(max(0, d)/time.Microsecond)), latencyBuckets-1)]++
}

// latencyBucket is linear up to 32 us, then by the first five bits.
func latencyBucket(us uint64) int {
	if us < 32 {
		return int(us)
	}
	octave := bits.Len64(us) - 5
	return octave*16 + int(us>>octave)
}

// bucketUpper is the highest value of a bucket, in us.
func bucketUpper(bucket int) uint64 {
	if bucket < 32 {
		return uint64(bucket)
	}
	octave := bucket/16 - 1
	return uint64(bucket-octave*16+1)<<octave - 1
}

// quantile is the value that a share of q has at most.
func (l *latencies) quantile(q float64) time.Duration {
	rank := int64(q * float64(l.n))
	for i, n := range l.buckets {
		if rank -= n; rank < 0 {
			return time.Duration(bucketUpper(i)) * time.Microsecond
		}
	}
	return 0
}

func (l latencies) String() string {
	if l.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%s and %s", formatTime(l.quantile(0.5)), formatTime(l.quantile(0.99)))
}
