package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// LatencyPoint is the p99 of the end-to-end latency in one run at one load.
type LatencyPoint struct {
	Load float64       `json:"load_per_s"`
	P99  time.Duration `json:"p99_ns"`
}

// Knee is the load at which the p99 leaves its level at low load: where it first exceeds
// twice that. Kleinrock (Power and Deterministic Rules of Thumb, ICC 1979) has the
// reason: a system is best used where throughput divided by response time is largest. In
// an M/M/1 queue, the response time is twice that of an idle server there. Other methods
// look for the strongest bend of the whole curve (Kneedle, Satopaa and others, 2011).
// Here, loads far beyond the knee do not move it.
type Knee struct {
	Found bool          `json:"found"` // Found is false if no load exceeded twice the level at low load.
	Load  float64       `json:"load_per_s"`
	From  float64       `json:"from_per_s"` // From is the last load at or under twice the level, To the first above it.
	To    float64       `json:"to_per_s"`
	Level time.Duration `json:"level_ns"` // Level is the p99 at the lowest load.
	N     int           `json:"n"`        // N is the least number of runs at one of the loads.
}

// leastKneeLoads is how many loads a knee takes.
const leastKneeLoads = 3

// FindKnee takes any number of runs at each load and uses their median. Between From and To
// it interpolates on logarithms. It refuses fewer than three loads, and a lowest load
// above a half of the highest: the level at low load would be unknown.
func FindKnee(points []LatencyPoint) (k Knee, err error) {
	byLoad := map[float64][]float64{}
	for _, p := range points {
		if !(p.Load > 0) || p.P99 <= 0 {
			return k, fmt.Errorf("a p99 of %v at %v records/s: want both above zero", p.P99, p.Load)
		}
		byLoad[p.Load] = append(byLoad[p.Load], float64(p.P99))
	}
	type level struct{ load, p99 float64 }
	var curve []level
	k.N = len(points)
	for load, runs := range byLoad {
		slices.Sort(runs)
		curve = append(curve, level{load, sampleQuantile(runs, 0.5)})
		k.N = min(k.N, len(runs))
	}
	if len(curve) < leastKneeLoads {
		return k, fmt.Errorf("p99 at %d loads: a knee takes %d", len(curve), leastKneeLoads)
	}
	slices.SortFunc(curve, func(a, b level) int { return cmp.Compare(a.load, b.load) })
	low, high := curve[0], curve[len(curve)-1]
	if low.load > high.load/2 {
		return k, fmt.Errorf("p99 from %v to %v records/s: the lowest load is no low one, want half of the highest or less", low.load, high.load)
	}
	k.Level, k.From = time.Duration(low.p99), high.load
	for i, c := range curve {
		if c.p99 <= 2*low.p99 {
			continue
		}
		before := curve[i-1]
		share := (math.Log(2*low.p99) - math.Log(before.p99)) / (math.Log(c.p99) - math.Log(before.p99))
		k.Found, k.From, k.To = true, before.load, c.load
		k.Load = before.load * math.Pow(c.load/before.load, share)
		return k, nil
	}
	return k, nil
}
