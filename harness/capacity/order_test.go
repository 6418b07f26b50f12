package capacity

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestSearchMakesShortTrialsAndEasyLoadsFirst looks at the trials of a search without noise:
// no confirming trial is wasted on a load that a short one would have excluded.
func TestSearchMakesShortTrialsAndEasyLoadsFirst(t *testing.T) {
	for _, parallel := range []int{1, 2} {
		s := &synthetic{axis: rate, capacity: map[string]float64{"latency": 444, "guarantees": 700}}
		r := mustSearch(t, Config{Axis: rate, Start: 450, Goals: []Goal{guaranteeGoal(), latencyGoal()}, Parallel: parallel}, s)
		if !slices.IsSortedFunc(r.Trials, func(a, b Trial) int { return int(a.Duration - b.Duration) }) {
			t.Errorf("parallel %d: a short trial after a long one: %v", parallel, describeTrials(r))
		}
		confirming := slices.DeleteFunc(slices.Clone(r.Trials), func(t Trial) bool { return t.Purpose != Confirm })
		if !slices.IsSortedFunc(confirming, func(a, b Trial) int { return int(a.Load - b.Load) }) && parallel == 1 {
			t.Errorf("parallel %d: a harder load was confirmed before an easier one: %v", parallel, describeTrials(r))
		}
		if r.Confirming != len(confirming) || r.Searching+r.Confirming != len(r.Trials) {
			t.Errorf("%d searching and %d confirming trials of %d", r.Searching, r.Confirming, len(r.Trials))
		}
	}
}

func describeTrials(r *Result) (texts []string) {
	for _, t := range r.Trials {
		texts = append(texts, fmt.Sprintf("%s %v for %v (%s)", t.Purpose, t.Load, t.Duration, t.Goal))
	}
	return texts
}

// TestGoalsShareTrials searches for two goals with the same limit.
func TestGoalsShareTrials(t *testing.T) {
	for _, parallel := range []int{1, 2, 3} {
		one, two := latencyGoal(), latencyGoal()
		two.Name = "age"
		s := &synthetic{axis: rate, capacity: map[string]float64{"latency": 444, "age": 444}}
		alone := mustSearch(t, Config{Axis: rate, Start: 450, Goals: []Goal{one}, Parallel: parallel}, s)
		both := mustSearch(t, Config{Axis: rate, Start: 450, Goals: []Goal{one, two}, Parallel: parallel}, s)
		if a, b := describeTrials(alone), describeTrials(both); !slices.Equal(a, b) {
			t.Errorf("parallel %d: one goal took %v, two took %v", parallel, a, b)
		}
		if both.Goals[1].Outcome != Answered {
			t.Errorf("parallel %d: %s", parallel, both.Describe(1))
		}
	}
}

// TestSearchNeverExceedsItsBudget tries many budgets and starts. With a start that holds,
// some load is always confirmed.
func TestSearchNeverExceedsItsBudget(t *testing.T) {
	for _, noise := range []float64{0, 0.01} {
		for _, start := range []float64{120, 250, 430, 500, 900, 2000} {
			for parallel := 1; parallel <= 2; parallel++ {
				c := Config{Axis: rate, Start: start, Goals: []Goal{latencyGoal(), guaranteeGoal()}, Parallel: parallel}
				need, err := c.NeedBudget()
				if err != nil {
					t.Fatal(err)
				}
				for more := range 30 {
					c.Budget = Budget{Time: need.Time + time.Duration(more)*10*time.Second}
					if more >= 15 {
						c.Budget = Budget{Trials: need.Trials + more - 15}
					}
					s := &synthetic{axis: rate, capacity: map[string]float64{"latency": 480, "guarantees": 600}, noise: noise, seed: uint64(more)}
					r := mustSearch(t, c, s)
					if c.Budget.Time > 0 && r.Spent > c.Budget.Time || c.Budget.Trials > 0 && len(r.Trials) > c.Budget.Trials {
						t.Errorf("noise %v, start %v, parallel %d, budget %v: spent %v and %d trials", noise, start, parallel, c.Budget, r.Spent, len(r.Trials))
					}
					if l := r.Limiting(); noise == 0 && start < 480 && (l.Held == nil || !l.Held.Confirmed) {
						t.Errorf("start %v, parallel %d, budget %v: %s by %v", start, parallel, c.Budget, r.Describe(0)+"; "+r.Describe(1), describeTrials(r))
					}
				}
			}
		}
	}
}

// TestIntervalGrowsWhereTrialsContradict has a load that holds although one of its trials
// broke, and the other way round.
func TestIntervalGrowsWhereTrialsContradict(t *testing.T) {
	g := latencyGoal()
	c, err := Config{Axis: rate, Start: 100, Goals: []Goal{g}}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	full := func(verdicts ...Verdict) (trials []Trial) {
		for _, v := range verdicts {
			trials = append(trials, trialsOf(1, g.Full, map[string]Verdict{g.Name: v})...)
		}
		return trials
	}
	for _, test := range []struct {
		held, broken []Trial
		from, to     float64
	}{
		{full(Held, Held), full(Broken, Broken), 95.64, 100},
		{full(Held, Broken, Held), full(Broken, Broken), 91.46, 100},
		{full(Held, Held), full(Broken, Held, Broken), 95.64, 104.6},
		{full(Held, Undecided, Held), full(Broken, Broken), 91.46, 100},
	} {
		s := &searcher{Config: c, lattice: c.newLattice(), at: map[int][]Trial{-1: test.held, 0: test.broken}}
		if r := s.concludeSearch().Goals[0]; r.From != test.from || r.To != test.to {
			t.Errorf("%v to %v, want %v to %v", r.From, r.To, test.from, test.to)
		}
	}
}

func TestLimitingGoalOfDemandNeedsTheMost(t *testing.T) {
	pods := Axis{Unit: "pods", Integer: true, Demand: true, Least: 1, Most: 100}
	one, two := latencyGoal(), guaranteeGoal()
	one.Width, two.Width = 1, 1
	s := &synthetic{axis: pods, capacity: map[string]float64{"latency": 11.5, "guarantees": 7.5}}
	r := mustSearch(t, Config{Axis: pods, Start: 9, Goals: []Goal{two, one}}, s)
	if l := r.Limiting(); l.Goal.Name != "latency" || l.Held.Load != 12 {
		t.Errorf("%s, want latency with 12 pods", r.Describe(0)+"; "+r.Describe(1))
	}
}
