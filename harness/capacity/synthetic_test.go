package capacity

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// synthetic is a system whose capacity is known. Its verdicts are noisy near the
// capacity, those of short trials more than those of long ones.
type synthetic struct {
	axis     Axis
	capacity map[string]float64 // capacity by goal: the load with even chances.
	noise    float64            // noise is the relative standard deviation of a minute's trial.
	seed     uint64
	// dip is a range of loads that breaks a goal although harder ones hold; "" is all goals.
	dipFrom, dipTo float64
	dipGoal        string
	undecided      func(Ask) bool // undecided makes a trial that tells nothing.

	mu   sync.Mutex
	asks []Ask
}

func (s *synthetic) measure(_ context.Context, a Ask) (Trial, error) {
	s.mu.Lock()
	s.asks = append(s.asks, a)
	s.mu.Unlock()
	r := rand.New(rand.NewPCG(s.seed, math.Float64bits(a.Load)^uint64(a.Repeat)<<1))
	deviation := s.noise * math.Sqrt(float64(time.Minute)/float64(a.Length)) * r.NormFloat64()
	t := Trial{Verdicts: map[string]Verdict{}, Completed: a.Load}
	for name, capacity := range s.capacity {
		margin := math.Log(a.Load/capacity) + deviation
		if s.axis.Demand {
			margin = math.Log(capacity/a.Load) + deviation
		}
		t.Verdicts[name] = Held
		if margin > 0 || a.Load > s.dipFrom && a.Load < s.dipTo && (s.dipGoal == "" || s.dipGoal == name) {
			t.Verdicts[name] = Broken
			t.Completed = min(a.Load, capacity)
			t.Detail = []string{fmt.Sprintf("%s at %v", name, a.Load)}
		}
		if s.undecided != nil && s.undecided(a) {
			t.Verdicts[name] = Undecided
		}
	}
	return t, nil
}

var rate = Axis{Unit: "records/s", Least: 1, Most: 1e6}

func latencyGoal() Goal {
	return Goal{Name: "latency", Exceed: 0.5, Width: 0.05, Full: time.Minute, Short: 10 * time.Second, Sum: 3 * time.Minute}
}

func guaranteeGoal() Goal {
	return Goal{Name: "guarantees", Exceed: 0, Width: 0.05, Full: time.Minute, Short: 10 * time.Second, Sum: time.Minute}
}
