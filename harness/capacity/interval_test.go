package capacity

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestLeastRuns(t *testing.T) {
	if n := LeastRuns(0.5, 0.95); n != 6 {
		t.Errorf("an interval of the median takes %d runs, want 6", n)
	}
	if n := LeastRuns(0.9, 0.95); n < 29 || n > 46 { // 0.9^29 = 0.047, and half of the error is allowed on each side
		t.Errorf("an interval of the ninth decile takes %d runs", n)
	}
}

func TestMedianIntervalOfKnownRanks(t *testing.T) {
	runs := []float64{7, 3, 5, 1, 9, 8, 2, 6, 4, 10}
	i := MedianInterval(runs)
	if i.Estimate != 5.5 || i.From != 2 || i.To != 9 || math.Abs(i.Confidence-(1-22.0/1024)) > 1e-9 {
		t.Errorf("%+v, want ranks 2 and 9 of 10 with 97.9 %%", i)
	}
	if i := MedianInterval(runs[:8]); i.From != 1 || i.To != 9 { // 3.5 % of error on each side is too much for ranks 2 and 7
		t.Errorf("%+v, want ranks 1 and 8 of 8", i)
	}
	if runs[0] != 7 {
		t.Error("the runs were sorted in place")
	}
}

func TestTooFewRunsSaySo(t *testing.T) {
	for runs, want := range map[int]string{0: "no runs", 1: "1 run: no interval", 5: "[1, 5], 5 runs: 93 % and not 95 %", 6: "[1, 6], 6 runs"} {
		var values []float64
		for v := range runs {
			values = append(values, float64(v+1))
		}
		i := MedianInterval(values)
		if text := i.String(); !strings.HasSuffix(text, want) {
			t.Errorf("%d runs: %q, want %q", runs, text, want)
		}
		if i.Enough() != (runs >= 6) {
			t.Errorf("%d runs are enough: %v", runs, i.Enough())
		}
	}
}

// TestIntervalsCover draws 2,000 samples from skewed distributions with known quantiles.
func TestIntervalsCover(t *testing.T) {
	for _, c := range []struct {
		n    int
		q    float64
		true float64
		draw func(*rand.Rand) float64
	}{
		{6, 0.5, 1, func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()) }},
		{9, 0.5, 1, func(r *rand.Rand) float64 { return math.Exp(2 * r.NormFloat64()) }},
		{20, 0.5, math.Ln2, (*rand.Rand).ExpFloat64},
		{60, 0.9, math.Log(10), (*rand.Rand).ExpFloat64},
	} {
		covered := 0
		for seed := range uint64(2000) {
			r := rand.New(rand.NewPCG(seed, uint64(c.n)))
			runs := make([]float64, c.n)
			for i := range runs {
				runs[i] = c.draw(r)
			}
			if i := QuantileInterval(runs, c.q, 0.95); i.From <= c.true && c.true <= i.To {
				covered++
			}
		}
		t.Logf("quantile %v of %d runs: %.1f %% of 2,000 intervals cover it", c.q, c.n, float64(covered)/20)
		if covered < 1860 {
			t.Errorf("quantile %v of %d runs: %d of 2,000 intervals cover it, want 93 %%", c.q, c.n, covered)
		}
	}
}

// simulations is 2,000, or fewer where STAMPEDE_HISTORIES says so: under the race detector.
func simulations(t *testing.T) int {
	text := os.Getenv("STAMPEDE_HISTORIES")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("STAMPEDE_HISTORIES=%s: want a number above zero", text)
	}
	return min(n, 2000)
}

// TestCapacityIntervalsCover makes 2,000 times a search, and 300 times six of them, on a
// system with noise of a fifth of the width.
func TestCapacityIntervalsCover(t *testing.T) {
	const noise = 0.01
	covered := 0
	once := simulations(t)
	for seed := range uint64(once) {
		s, c := randomSystem(seed, noise)
		c.Goals = []Goal{latencyGoal()}
		g := mustSearch(t, c, s).Goals[0]
		if capacity := s.capacity["latency"]; g.From <= capacity && capacity <= g.To {
			covered++
		}
	}
	t.Logf("one search: %d of %d cover the capacity", covered, once)
	if float64(covered) < 0.93*float64(once) {
		t.Errorf("one search: %d of %d cover the capacity, want 93 %%", covered, once)
	}
	covered = 0
	several := min(300, once)
	for seed := range uint64(several) {
		var searches []*Result
		s, c := randomSystem(seed, noise)
		c.Goals = []Goal{latencyGoal()}
		for i := range uint64(6) {
			s.seed = seed<<8 | i
			searches = append(searches, mustSearch(t, c, s))
		}
		i := CapacityInterval(searches, "latency")
		if i.N != 6 || !i.Enough() {
			t.Fatalf("seed %d: %v", seed, i)
		}
		if capacity := s.capacity["latency"]; i.From <= capacity && capacity <= i.To {
			covered++
		}
	}
	t.Logf("six searches: %d of %d cover the capacity", covered, several)
	if float64(covered) < 0.95*float64(several) {
		t.Errorf("six searches: %d of %d cover the capacity, want 95 %%", covered, several)
	}
}
