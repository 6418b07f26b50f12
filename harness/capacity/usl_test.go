package capacity

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// scaleRuns are runs of a law with noise: runs for each number of pods.
func scaleRuns(law scaleFit, pods []int, runs int, noise float64, r *rand.Rand) (points []ScalePoint) {
	for _, n := range pods {
		for range runs {
			points = append(points, ScalePoint{n, law.rateOf(n) * math.Exp(noise*r.NormFloat64())})
		}
	}
	return points
}

var somePods = []int{1, 2, 4, 8, 12, 16, 24, 32}

func TestScaleLawFindsItsParameters(t *testing.T) {
	for _, law := range []scaleFit{{140, 0.03, 0.0004}, {140, 0, 0}, {140, 0.1, 0}, {140, 0, 0.001}} {
		l, err := FitScaleLaw(scaleRuns(law, somePods, 1, 0, rand.New(rand.NewPCG(1, 1))), 100, "100 partitions", 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range []Interval{l.Single, l.Contention, l.Coherency} {
			if math.Abs(got.Estimate-law[i]) > 1e-9*max(1, law[i]) {
				t.Errorf("law %v: parameter %d is %v", law, i, got.Estimate)
			}
		}
		if l.Misfit > 1e-9 {
			t.Errorf("law %v: a misfit of %v", law, l.Misfit)
		}
		want := math.Inf(1)
		if law[2] > 0 {
			want = math.Sqrt((1 - law[1]) / law[2])
		}
		if peak := l.Peak(); math.Abs(peak/want-1) > 1e-6 && peak != want {
			t.Errorf("law %v: a peak at %v pods, want %v", law, peak, want)
		}
	}
}

// TestScaleLawIntervalsCover fits 2,000 laws, with three runs for each number of pods.
func TestScaleLawIntervalsCover(t *testing.T) {
	law, fits := scaleFit{140, 0.03, 0.0004}, simulations(t)
	covered := [3]int{}
	for seed := range uint64(fits) {
		l, err := FitScaleLaw(scaleRuns(law, somePods, 3, 0.03, rand.New(rand.NewPCG(seed, 2))), 100, "100 partitions", seed)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range []Interval{l.Single, l.Contention, l.Coherency} {
			if got.From <= law[i] && law[i] <= got.To {
				covered[i]++
			}
		}
	}
	t.Logf("of %d intervals %v cover", fits, covered)
	for i, n := range covered {
		if float64(n) < 0.93*float64(fits) {
			t.Errorf("parameter %d: %d of %d intervals cover it, want 93 %%", i, n, fits)
		}
	}
}

// TestScaleLawEndsAtItsLimit has runs beyond the number of partitions, where more pods add
// nothing. They would look like contention.
func TestScaleLawEndsAtItsLimit(t *testing.T) {
	var points []ScalePoint
	for _, n := range []int{1, 2, 3, 4, 6, 8, 10, 11, 12, 16, 24} {
		points = append(points, ScalePoint{n, 140 * float64(min(n, 12))})
	}
	limit, by := ScaleLimit(12, 0)
	l, err := FitScaleLaw(points, limit, by, 1)
	if err != nil {
		t.Fatal(err)
	}
	if l.Contention.Estimate > 1e-9 || l.Fitted != 8 || l.Beyond != 3 || l.Holds(12) || !l.Holds(11) || by != "12 partitions" {
		t.Errorf("%+v", l)
	}
	if past, err := FitScaleLaw(points, 100, "nothing", 1); err != nil || past.Coherency.Estimate < 0.001 || past.Misfit < 0.05 {
		t.Errorf("a fit past the limit: %+v, %v: want coherency that is none, and a misfit that shows it", past, err)
	}
	if limit, by := ScaleLimit(12, 0.2); limit != 5 || !strings.Contains(by, "hottest key with 20 %") {
		t.Errorf("a limit of %v by %s, want 5 by the hottest key", limit, by)
	}
}

// TestScaleLawIsNeverNegative has pods that do more the more they are, as a cache that
// suffices only in sum would make them.
func TestScaleLawIsNeverNegative(t *testing.T) {
	var points []ScalePoint
	for _, n := range somePods {
		points = append(points, ScalePoint{n, 100 * math.Pow(float64(n), 1.2)})
	}
	l, err := FitScaleLaw(points, 100, "100 partitions", 1)
	if err != nil || l.Contention.Estimate != 0 || l.Coherency.Estimate != 0 || l.Misfit < 0.1 {
		t.Errorf("%+v, %v: want no contention, no coherency and a misfit that shows it", l, err)
	}
}

func TestScaleLawRefuses(t *testing.T) {
	points := scaleRuns(scaleFit{100, 0, 0}, []int{1, 2, 3, 4, 5}, 1, 0, rand.New(rand.NewPCG(0, 0)))
	if _, err := FitScaleLaw(points, 12, "12 partitions", 1); err == nil || !strings.Contains(err.Error(), "5 numbers of pods below 12 (12 partitions): a law over pods takes 6") {
		t.Errorf("five numbers of pods: %v", err)
	}
	if _, err := FitScaleLaw([]ScalePoint{{0, 1}}, 12, "12 partitions", 1); err == nil {
		t.Error("no pods were taken")
	}
	if _, err := FitScaleLaw([]ScalePoint{{1, 0}}, 12, "12 partitions", 1); err == nil {
		t.Error("no rate was taken")
	}
}
