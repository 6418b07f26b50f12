package capacity

import (
	"fmt"
	"math"
	"slices"
)

// Interval is an estimate over runs and the range in which the true value lies. The runs
// must be independent: records of one run are not.
type Interval struct {
	Estimate float64 `json:"estimate"`
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	N        int     `json:"n"` // N is the number of runs.
	// Confidence is the least probability that such an interval covers the true value,
	// whatever the distribution. Under what was wanted, the runs were too few: then
	// From and To are the smallest and the largest value.
	Confidence float64 `json:"confidence"`
	Wanted     float64 `json:"wanted"`
}

// Enough says whether there were runs enough for the confidence that was wanted.
func (i Interval) Enough() bool { return i.Confidence >= i.Wanted }

func (i Interval) String() string {
	switch {
	case i.N == 0:
		return "no runs"
	case i.N == 1:
		return fmt.Sprintf("%.4g, 1 run: no interval", i.Estimate)
	case !i.Enough():
		return fmt.Sprintf("%.4g [%.4g, %.4g], %d runs: %.0f %% and not %.0f %%", i.Estimate, i.From, i.To, i.N, math.Floor(100*i.Confidence), 100*i.Wanted)
	}
	return fmt.Sprintf("%.4g [%.4g, %.4g], %d runs", i.Estimate, i.From, i.To, i.N)
}

// MedianInterval is the median of the runs with an interval of 95 %, which takes 6 runs.
func MedianInterval(runs []float64) Interval { return QuantileInterval(runs, 0.5, 0.95) }

// QuantileInterval is a quantile over runs with its interval by order statistics (David and
// Nagaraja, Order Statistics, section 7.1). How many of n runs lie below the true quantile
// q is binomial. So two ranks cover it with a probability that needs no assumption on
// the distribution. q and confidence are between 0 and 1, both exclusive.
func QuantileInterval(runs []float64, q, confidence float64) Interval {
	n := len(runs)
	i := Interval{N: n, Wanted: confidence}
	if n == 0 {
		return i
	}
	sorted := slices.Sorted(slices.Values(runs))
	from, to, covered := coverQuantile(n, q, confidence)
	i.Estimate, i.From, i.To, i.Confidence = sampleQuantile(sorted, q), sorted[from], sorted[to], covered
	return i
}

// coverQuantile are the indexes of the two order statistics around the quantile q, each
// as close to it as half of the allowed error permits, and with what probability they
// cover it.
func coverQuantile(n int, q, confidence float64) (from, to int, covered float64) {
	miss := (1 - confidence) / 2
	below := 0.0 // the probability that at most from runs lie below the quantile
	chance := binomial(n, q)
	for from = 0; from < n-1 && below+chance[from]+chance[from+1] <= miss; from++ {
		below += chance[from]
	}
	below += chance[from]
	above := chance[n] // the probability that more than to runs do
	for to = n - 1; to > from && above+chance[to] <= miss; to-- {
		above += chance[to]
	}
	return from, to, max(0, 1-below-above)
}

// binomial are the probabilities of 0 to n successes.
func binomial(n int, q float64) []float64 {
	chance := make([]float64, n+1)
	all, _ := math.Lgamma(float64(n + 1))
	for k := range chance {
		hits, _ := math.Lgamma(float64(k + 1))
		misses, _ := math.Lgamma(float64(n - k + 1))
		chance[k] = math.Exp(all - hits - misses + float64(k)*math.Log(q) + float64(n-k)*math.Log1p(-q))
	}
	return chance
}

// sampleQuantile interpolates between the order statistics (type 7 of Hyndman and Fan).
func sampleQuantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// LeastRuns is how many runs an interval of a quantile takes.
func LeastRuns(q, confidence float64) int {
	for n := 1; ; n++ {
		if _, _, covered := coverQuantile(n, q, confidence); covered >= confidence {
			return n
		}
	}
}

// CapacityInterval joins the answers of repeated searches for one goal. The estimate is
// the median of the conditional throughputs, or of the loads on an axis of demand. The
// interval reaches from an order statistic of the lower ends of the searches to one of
// their upper ends. So it covers the width of a search too. Searches without both
// bounds are left out; N says how many remain.
func CapacityInterval(searches []*Result, goal string) Interval {
	var answers, lower, upper []float64
	for _, r := range searches {
		for _, g := range r.Goals {
			if g.Goal.Name != goal || g.Held == nil || g.Broken == nil {
				continue
			}
			answer := g.Throughput
			if r.Axis.Demand {
				answer = g.Held.Load
			}
			answers, lower, upper = append(answers, answer), append(lower, g.From), append(upper, g.To)
		}
	}
	i := MedianInterval(answers)
	i.From, i.To = MedianInterval(lower).From, MedianInterval(upper).To
	return i
}
