package capacity

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ScalePoint is what one run with n pods completed.
type ScalePoint struct {
	Pods int     `json:"pods"`
	Rate float64 `json:"rate_per_s"`
}

// ScaleLaw is the rate over pods by the Universal Scalability Law (Gunther, Guerrilla
// Capacity Planning, 2007): X(N) = l N / (1 + a(N-1) + b N(N-1)).
//
// It describes pods that share work evenly and wait for each other. It knows no bound: a
// hot key or the number of partitions ends the growth at once, and not by this law.
type ScaleLaw struct {
	Single     Interval `json:"single_per_s"` // Single is l, the rate of one pod.
	Contention Interval `json:"contention"`   // Contention is a: the share of work that is serial.
	Coherency  Interval `json:"coherency"`    // Coherency is b: the price of each pair of pods that must agree.
	// Limit is the number of pods from which on the law does not hold, and LimitedBy its
	// name. Runs with as many pods or more are not fitted: Beyond counts them.
	Limit     float64 `json:"limit"`
	LimitedBy string  `json:"limited_by"`
	Fitted    int     `json:"fitted"`
	Beyond    int     `json:"beyond"`
	// Misfit is the largest relative deviation of the mean rate at some number of pods
	// from the law. If it is much larger than the noise of runs, the law does not hold.
	Misfit float64 `json:"misfit"`
}

// leastScales is how many numbers of pods a fit takes: three parameters, and as many to
// contradict them.
const leastScales = 6

// ScaleLimit is where a law over pods ends: at the number of partitions, or where the
// hottest key has a pod of its own, whatever is less. hottest is the share of that key,
// 0 for a design that does not order by key.
func ScaleLimit(partitions int, hottest float64) (limit float64, by string) {
	limit, by = float64(partitions), fmt.Sprintf("%d partitions", partitions)
	if hottest > 0 && 1/hottest < limit {
		limit, by = 1/hottest, fmt.Sprintf("the hottest key with %.3g %% of the records", 100*hottest)
	}
	return limit, by
}

// FitScaleLaw fits the law by weighted least squares to the runs with fewer pods than the
// limit. N/X is a quadratic in N, and weights are those of an equal relative error of
// rates. No parameter is negative. Intervals are percentiles of 1,000 bootstrap fits over
// the deviations of runs; seed makes them repeatable. It refuses fewer than 6 numbers of
// pods below the limit.
func FitScaleLaw(points []ScalePoint, limit float64, limitedBy string, seed uint64) (*ScaleLaw, error) {
	l := &ScaleLaw{Limit: limit, LimitedBy: limitedBy}
	var fitted []ScalePoint
	for _, p := range points {
		switch {
		case p.Pods < 1 || !(p.Rate > 0) || math.IsInf(p.Rate, 0):
			return nil, fmt.Errorf("a run with %d pods and %v records/s: want both above zero", p.Pods, p.Rate)
		case float64(p.Pods) >= limit:
			l.Beyond++
		default:
			fitted = append(fitted, p)
		}
	}
	slices.SortStableFunc(fitted, func(a, b ScalePoint) int { return cmp.Compare(a.Pods, b.Pods) })
	l.Fitted = len(fitted)
	scales := slices.Compact(podsOf(fitted))
	if len(scales) < leastScales {
		return nil, fmt.Errorf("%d numbers of pods below %.4g (%s): a law over pods takes %d", len(scales), limit, limitedBy, leastScales)
	}
	best := fitScale(fitted)
	l.Misfit = best.largestMisfit(fitted)
	var fits [3][]float64
	for _, f := range bootstrapScales(best, fitted, rand.New(rand.NewPCG(seed, 0x5ca1e))) {
		for i, v := range f {
			fits[i] = append(fits[i], v)
		}
	}
	for i, to := range []*Interval{&l.Single, &l.Contention, &l.Coherency} {
		slices.Sort(fits[i])
		*to = Interval{Estimate: best[i], From: sampleQuantile(fits[i], 0.025), To: sampleQuantile(fits[i], 0.975), N: len(fitted), Confidence: 0.95, Wanted: 0.95}
	}
	return l, nil
}

// RateOf is what the law says of n pods. It is not valid at Limit and beyond, see Holds.
func (l *ScaleLaw) RateOf(pods int) float64 {
	return scaleFit{l.Single.Estimate, l.Contention.Estimate, l.Coherency.Estimate}.rateOf(pods)
}

// Holds says whether the law may be used for n pods.
func (l *ScaleLaw) Holds(pods int) bool { return float64(pods) < l.Limit }

// Peak is the number of pods with the highest rate by the law, and +Inf without coherency.
// Beyond Limit it is no prediction.
func (l *ScaleLaw) Peak() float64 {
	a, b := l.Contention.Estimate, l.Coherency.Estimate
	if b == 0 {
		return math.Inf(1)
	}
	return math.Sqrt(max(0, 1-a) / b)
}

// scaleFit is l, a and b.
type scaleFit [3]float64

func (f scaleFit) rateOf(pods int) float64 {
	n := float64(pods)
	return f[0] * n / (1 + f[1]*(n-1) + f[2]*n*(n-1))
}

func (f scaleFit) largestMisfit(points []ScalePoint) (largest float64) {
	for _, n := range slices.Compact(podsOf(points)) {
		sum, runs := 0.0, 0.0
		for _, p := range points {
			if p.Pods == n {
				sum, runs = sum+p.Rate, runs+1
			}
		}
		largest = max(largest, math.Abs(sum/runs/f.rateOf(n)-1))
	}
	return largest
}

func podsOf(points []ScalePoint) (pods []int) {
	for _, p := range points {
		pods = append(pods, p.Pods)
	}
	return pods
}

// bootstrapScales fits the law to rates with deviations drawn from those of the runs. The
// fit made them smaller than those of the population by its three degrees of freedom, and
// percentiles know nothing of the wider tails of Student's t: both are made up for.
func bootstrapScales(best scaleFit, points []ScalePoint, r *rand.Rand) (fits []scaleFit) {
	const repeats = 1000
	n := float64(len(points))
	const z = 1.96
	wider := math.Sqrt(n/(n-3)) * (1 + (z*z+1)/(4*(n-3)))
	mean := 0.0
	deviations, rates, drawn := make([]float64, len(points)), make([]float64, len(points)), slices.Clone(points)
	for i, p := range points {
		rates[i] = best.rateOf(p.Pods)
		deviations[i] = math.Log(p.Rate / rates[i])
		mean += deviations[i] / n
	}
	for i := range deviations {
		deviations[i] = math.Exp(wider * (deviations[i] - mean))
	}
	for range repeats {
		for i := range drawn {
			drawn[i].Rate = rates[i] * deviations[r.IntN(len(deviations))]
		}
		fits = append(fits, fitScale(drawn))
	}
	return fits
}

// fitScale is the weighted least squares fit without negative parameters: of the fits
// with and without a term for a and b, the closest one that is not negative. A term that
// brings nothing is left out.
func fitScale(points []ScalePoint) (best scaleFit) {
	const nothing = 1e-12
	normal, least := newNormalEquations(points), math.Inf(1)
	for _, terms := range [][]int{{0}, {0, 1}, {0, 2}, {0, 1, 2}} {
		c, ok := normal.solveTerms(terms)
		if !ok || c[0] <= 0 || c[1] < 0 || c[2] < 0 {
			continue
		}
		squares := float64(len(points))
		for i := range c {
			squares -= c[i] * normal[i][3]
		}
		if squares < least-nothing {
			least, best = squares, scaleFit{1 / c[0], c[1] / c[0], c[2] / c[0]}
		}
	}
	return best
}

// normalEquations are those of the least squares fit of N/X with three coefficients: a
// matrix and the right side in its last column.
type normalEquations [3][4]float64

// newNormalEquations divides each equation by its N/X, so that errors are relative.
func newNormalEquations(points []ScalePoint) (m normalEquations) {
	for _, p := range points {
		n := float64(p.Pods)
		w := p.Rate / n
		terms := [4]float64{w, w * (n - 1), w * n * (n - 1), 1}
		for i := range m {
			for j := range m[i] {
				m[i][j] += terms[i] * terms[j]
			}
		}
	}
	return m
}

// solveTerms solves for the given coefficients by elimination with pivots. The others are 0.
func (m *normalEquations) solveTerms(terms []int) (c [3]float64, ok bool) {
	k := len(terms)
	var e normalEquations
	for i, from := range terms {
		for j, to := range terms {
			e[i][j] = m[from][to]
		}
		e[i][k] = m[from][3]
	}
	for i := range k {
		pivot := i
		for j := i + 1; j < k; j++ {
			if math.Abs(e[j][i]) > math.Abs(e[pivot][i]) {
				pivot = j
			}
		}
		if e[i], e[pivot] = e[pivot], e[i]; e[i][i] == 0 {
			return c, false
		}
		for j := range k {
			if factor := e[j][i] / e[i][i]; j != i {
				for x := i; x <= k; x++ {
					e[j][x] -= factor * e[i][x]
				}
			}
		}
	}
	for i := range k {
		c[terms[i]] = e[i][k] / e[i][i]
	}
	return c, true
}
