package capacity

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSearchFindsTheCapacity makes searches on systems with a known capacity, with noise
// of various sizes and a bound that is up to a half too high.
func TestSearchFindsTheCapacity(t *testing.T) {
	for _, noise := range []float64{0, 0.002, 0.005, 0.01} {
		found, searching, most := 0, 0, 0
		for seed := range uint64(100) {
			s, c := randomSystem(seed, noise)
			c.Goals = []Goal{latencyGoal()}
			r := mustSearch(t, c, s)
			g, capacity := r.Goals[0], s.capacity["latency"]
			if g.Outcome != Answered || g.Broken.Load > g.Held.Load*1.05 {
				t.Errorf("noise %v, seed %d: %s", noise, seed, r.Describe(0))
			}
			if g.From <= capacity && capacity <= g.To {
				found++
			}
			most = max(most, r.Searching)
			searching += r.Searching
		}
		t.Logf("noise of %v: %d of 100 found, %.1f trials of search, at most %d", noise, found, float64(searching)/100, most)
		if found < 90 || most > 8 {
			t.Errorf("noise of %v: %d of 100 found with up to %d trials of search, want 90 with 8", noise, found, most)
		}
	}
}

// randomSystem has a capacity from 100 to 1,000, and a search from 0.9 times a bound.
func randomSystem(seed uint64, noise float64) (*synthetic, Config) {
	r := rand.New(rand.NewPCG(seed, 1))
	capacity := 100 + 900*r.Float64()
	bound := capacity * (0.9 + 0.6*r.Float64())
	s := &synthetic{axis: rate, capacity: map[string]float64{"latency": capacity}, noise: noise, seed: seed}
	return s, Config{Axis: rate, Start: 0.9 * bound}
}

func mustSearch(t *testing.T, c Config, s *synthetic) *Result {
	t.Helper()
	r, err := Search(t.Context(), c, s.measure)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSearchStaysBelowADip plants a range of loads that breaks below the capacity. An
// answer with a trial in it must lie below it, any other at the capacity.
func TestSearchStaysBelowADip(t *testing.T) {
	below, unseen, most := 0, 0, 0
	for seed := range uint64(100) {
		s, c := randomSystem(seed, 0.005)
		capacity := s.capacity["latency"]
		s.dipFrom, s.dipTo = capacity*0.8, capacity*0.86
		c.Goals = []Goal{latencyGoal()}
		r := mustSearch(t, c, s)
		g := r.Goals[0]
		most = max(most, r.Searching)
		seen := slices.ContainsFunc(r.Trials, func(t Trial) bool { return t.Load > s.dipFrom && t.Load < s.dipTo })
		switch {
		case seen && g.From <= s.dipFrom && s.dipFrom <= g.To:
			below++
		case !seen && g.From <= capacity && capacity <= g.To:
			unseen++
		default:
			t.Logf("seed %d: capacity %v, dip from %v: %s", seed, capacity, s.dipFrom, r.Describe(0))
		}
	}
	t.Logf("%d answers below the dip, %d without a trial in it, at most %d trials of search", below, unseen, most)
	if below+unseen < 90 || below < 20 || most > 8 {
		t.Errorf("%d answers of 100 are right, with up to %d trials of search", below+unseen, most)
	}
}

// TestSearchReportsAnInversion starts in a range that breaks latencies, far below their
// capacity. The trials of the other goal show that harder loads hold.
func TestSearchReportsAnInversion(t *testing.T) {
	reported := 0
	for seed := range uint64(100) {
		s, c := randomSystem(seed, 0.005)
		capacity := s.capacity["latency"]
		s.capacity["guarantees"] = capacity * 1.1
		s.dipFrom, s.dipTo, s.dipGoal = capacity*0.5, capacity*0.56, "latency"
		c.Start, c.Goals = capacity*0.53, []Goal{latencyGoal(), guaranteeGoal()}
		r := mustSearch(t, c, s)
		g := r.Goals[0]
		if g.Outcome != Answered || g.From > s.dipFrom || g.To < s.dipFrom {
			t.Errorf("seed %d: %s, want an answer below the dip from %v", seed, r.Describe(0), s.dipFrom)
		}
		if slices.ContainsFunc(g.Inversions, func(i Inversion) bool {
			return i.Confirmed && i.Broken > s.dipFrom && i.Broken < s.dipTo && i.Held > s.dipTo && i.Held < capacity*1.02
		}) {
			reported++
		}
	}
	if reported < 95 {
		t.Errorf("%d of 100 inversions were reported and confirmed", reported)
	}
}

func TestFindInversions(t *testing.T) {
	g := guaranteeGoal()
	c, err := Config{Axis: rate, Start: 100, Goals: []Goal{g}}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	full := func(v Verdict) []Trial { return trialsOf(1, g.Full, map[string]Verdict{g.Name: v}) }
	s := &searcher{Config: c, lattice: c.newLattice(), at: map[int][]Trial{-1: full(Held), 0: full(Broken), 1: full(Undecided), 2: full(Held), 3: full(Broken)}}
	r := s.concludeSearch().Goals[0]
	if want := []Inversion{{100, 109.3, true}}; !slices.Equal(r.Inversions, want) || r.Held.Load != 95.64 || r.Broken.Load != 100 {
		t.Errorf("%v of %v and %v, want %v", r.Inversions, r.Held, r.Broken, want)
	}
}

// TestSearchOfTwoGoals shares the trials between the goals.
func TestSearchOfTwoGoals(t *testing.T) {
	s := &synthetic{axis: rate, capacity: map[string]float64{"latency": 444, "guarantees": 700}}
	r := mustSearch(t, Config{Axis: rate, Start: 450, Goals: []Goal{guaranteeGoal(), latencyGoal()}}, s)
	for i, capacity := range []float64{700, 444} {
		if g := r.Goals[i]; g.Outcome != Answered || g.Held.Load > capacity || g.Broken.Load < capacity {
			t.Errorf("capacity %v: %s", capacity, r.Describe(i))
		}
	}
	if l := r.Limiting(); l.Goal.Name != "latency" {
		t.Errorf("%s limits, want latency", l.Goal.Name)
	}
	upTo := guaranteeGoal()
	upTo.UpTo, upTo.Sum = "latency", latencyGoal().Sum
	r = mustSearch(t, Config{Axis: rate, Start: 450, Goals: []Goal{upTo, latencyGoal()}}, s)
	if g := r.Goals[0]; g.Outcome != NeverBroken || *g.Held != *r.Goals[1].Held {
		t.Errorf("up to the answer of latency: %s", r.Describe(0))
	}
	t.Log(r.Describe(0), r.Describe(1))
	s.capacity["guarantees"] = 300
	r = mustSearch(t, Config{Axis: rate, Start: 450, Goals: []Goal{upTo, latencyGoal()}}, s)
	if g := r.Goals[0]; g.Outcome != Answered || g.Held.Load > 300 || g.Broken.Load < 300 {
		t.Errorf("guarantees that break below the answer of latency: %s", r.Describe(0))
	}
}

// TestSearchOfDemand looks for the least pods, with fewer being harder.
func TestSearchOfDemand(t *testing.T) {
	pods := Axis{Unit: "pods", Integer: true, Demand: true, Least: 1, Most: 500}
	g := latencyGoal()
	g.Width = 1
	for need := 1; need <= 500; need += 7 {
		s := &synthetic{axis: pods, capacity: map[string]float64{"latency": float64(need) - 0.5}}
		start := max(1, math.Ceil(float64(need)*0.8))
		r := mustSearch(t, Config{Axis: pods, Start: start, Goals: []Goal{g}}, s)
		got := r.Goals[0]
		if need == 1 && got.Outcome == NeverBroken && got.Held.Load == 1 {
			continue
		}
		if got.Outcome != Answered || got.Held.Load != float64(need) || got.Broken.Load != float64(need-1) {
			t.Errorf("%d pods needed, started at %v: %s", need, start, r.Describe(0))
		}
	}
}

// TestSearchOfIntegers finds the most that a system holds, on an axis of whole numbers.
func TestSearchOfIntegers(t *testing.T) {
	keys := Axis{Unit: "keys", Integer: true, Least: 1, Most: 1000}
	g := latencyGoal()
	g.Width = 0
	s := &synthetic{axis: keys, capacity: map[string]float64{"latency": 137.5}}
	r := mustSearch(t, Config{Axis: keys, Start: 40, Goals: []Goal{g}}, s)
	if got := r.Goals[0]; got.Outcome != Answered || got.Held.Load != 137 || got.Broken.Load != 138 {
		t.Errorf("%s", r.Describe(0))
	}
}

func TestSearchThatNeverHoldsOrNeverBreaks(t *testing.T) {
	narrow := Axis{Unit: "records/s", Least: 100, Most: 1000}
	for capacity, want := range map[float64]Outcome{50: NeverHeld, 5000: NeverBroken} {
		s := &synthetic{axis: narrow, capacity: map[string]float64{"latency": capacity}}
		r := mustSearch(t, Config{Axis: narrow, Start: 300, Goals: []Goal{latencyGoal()}}, s)
		g := r.Goals[0]
		if g.Outcome != want || len(r.Trials) == 0 || r.Confirming == 0 {
			t.Errorf("capacity %v: %s after %d trials", capacity, r.Describe(0), len(r.Trials))
		}
		end := map[Outcome]string{NeverHeld: "100 records/s, the lowest load", NeverBroken: "1000 records/s, the highest load"}[want]
		if text := r.Describe(0); !strings.Contains(text, end) {
			t.Errorf("%q does not name %s", text, end)
		}
	}
}

// TestSearchExtendsAnUndecidedLoadOnce makes all trials near one load tell nothing.
func TestSearchExtendsAnUndecidedLoadOnce(t *testing.T) {
	s := &synthetic{axis: rate, capacity: map[string]float64{"latency": 450}}
	s.undecided = func(a Ask) bool { return a.Load > 400 && a.Load < 460 }
	r := mustSearch(t, Config{Axis: rate, Start: 430, Goals: []Goal{latencyGoal()}}, s)
	g := r.Goals[0]
	if g.Outcome != LeftUndecided || !g.Held.Confirmed || !g.Broken.Confirmed || g.Held.Load > 400 || g.Broken.Load < 460 || len(g.Undecided) == 0 {
		t.Errorf("%s, undecided %v", r.Describe(0), g.Undecided)
	}
	for _, load := range g.Undecided {
		var lengths []time.Duration
		for _, trial := range r.Trials {
			if trial.Load == load {
				lengths = append(lengths, trial.Duration)
			}
		}
		if want := []time.Duration{10 * time.Second, time.Minute}; !slices.Equal(lengths, want) {
			t.Errorf("%v was measured for %v, want %v", load, lengths, want)
		}
	}
	// a trial that was undecided by chance is made up for
	s.undecided = func(a Ask) bool { return a.Repeat == 0 || a.Repeat == 2 }
	r = mustSearch(t, Config{Axis: rate, Start: 430, Goals: []Goal{guaranteeGoal()}}, &synthetic{axis: rate, capacity: map[string]float64{"guarantees": 450}, undecided: s.undecided})
	if r.Goals[0].Outcome != Answered {
		t.Errorf("with an undecided first trial at each load: %s", r.Describe(0))
	}
	// nothing can be told at all
	s.undecided = func(Ask) bool { return true }
	r = mustSearch(t, Config{Axis: Axis{Unit: "records/s", Least: 100, Most: 1000}, Start: 430, Goals: []Goal{latencyGoal()}}, s)
	if g := r.Goals[0]; g.Outcome != LeftUndecided || g.Held != nil || g.Broken != nil {
		t.Errorf("without a verdict: %s", r.Describe(0))
	}
}

func TestSearchRefusesInAdvance(t *testing.T) {
	good := Config{Axis: rate, Start: 100, Goals: []Goal{latencyGoal()}}
	refuse := func(name, want string, change func(*Config)) {
		t.Helper()
		c := good
		c.Goals = slices.Clone(good.Goals)
		change(&c)
		r, err := Search(t.Context(), c, func(context.Context, Ask) (Trial, error) {
			t.Errorf("%s: a trial was made", name)
			return Trial{}, errors.New("no")
		})
		if r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	refuse("empty range", "an empty range", func(c *Config) { c.Axis.Least, c.Axis.Most = 10, 5 })
	refuse("no finite range", "want finite numbers", func(c *Config) { c.Axis.Most = math.Inf(1) })
	refuse("zero range", "want finite numbers above zero", func(c *Config) { c.Axis.Least = 0 })
	refuse("part of a pod", "begin and end with integers", func(c *Config) { c.Axis.Integer, c.Axis.Least = true, 1.5 })
	refuse("no goal", "without a goal", func(c *Config) { c.Goals = nil })
	refuse("no name", "without a name", func(c *Config) { c.Goals[0].Name = "" })
	refuse("no length", "want a full length above zero", func(c *Config) { c.Goals[0].Full = 0 })
	refuse("long short trials", "want a full length above zero", func(c *Config) { c.Goals[0].Short = time.Hour })
	refuse("exceed of 1", "want 0 or more", func(c *Config) { c.Goals[0].Exceed = 1 })
	refuse("tiny width", "want a share", func(c *Config) { c.Goals[0].Width = 1e-6 })
	refuse("same goals", "two goals named", func(c *Config) { c.Goals = append(c.Goals, c.Goals[0]) })
	refuse("unknown goal", "want another goal", func(c *Config) { c.Goals[0].UpTo = "age" })
	refuse("no start", "want a load above zero", func(c *Config) { c.Start = math.NaN() })
	refuse("no bracket", "a bracket factor", func(c *Config) { c.Bracket = 1 })
	refuse("short of time", "a budget of 1m0s is too small for one confirmed answer: that takes", func(c *Config) { c.Budget.Time = time.Minute })
	refuse("short of trials", "a budget of 3 trials is too small for one confirmed answer: that takes", func(c *Config) { c.Budget.Trials = 3 })
}

// TestSearchKeepsItsBudget gives budgets from the least that is accepted.
func TestSearchKeepsItsBudget(t *testing.T) {
	for parallel := 1; parallel <= 3; parallel++ {
		s := &synthetic{axis: rate, capacity: map[string]float64{"latency": 480}}
		c := Config{Axis: rate, Start: 430, Goals: []Goal{latencyGoal()}, Parallel: parallel}
		c.Cost = func(length time.Duration) time.Duration { return length/10 + time.Second }
		need, err := c.NeedBudget()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []Budget{{Time: need.Time}, {Trials: need.Trials}} {
			c.Budget = b
			r := mustSearch(t, c, s)
			if g := r.Goals[0]; g.Outcome != Answered {
				t.Errorf("parallel %d, budget %v: %s", parallel, b, r.Describe(0))
			}
			if b.Time > 0 && r.Spent > b.Time || b.Trials > 0 && len(r.Trials) > b.Trials {
				t.Errorf("parallel %d, budget %v: spent %v and %d trials", parallel, b, r.Spent, len(r.Trials))
			}
		}
		c.Start, c.Budget = 190, Budget{Time: need.Time}
		r := mustSearch(t, c, s)
		if g := r.Goals[0]; g.Outcome != OutOfBudget || g.Held == nil || r.Spent > need.Time {
			t.Errorf("parallel %d, a start far off: %s after %v", parallel, r.Describe(0), r.Spent)
		}
	}
}

// TestSearchIsDeterministic repeats searches, in parallel and not.
func TestSearchIsDeterministic(t *testing.T) {
	for parallel := 1; parallel <= 3; parallel++ {
		for seed := range uint64(20) {
			var results [2]*Result
			for i := range results {
				s, c := randomSystem(seed, 0.01)
				c.Goals, c.Parallel = []Goal{latencyGoal()}, parallel
				results[i] = mustSearch(t, c, s)
			}
			if !reflect.DeepEqual(results[0], results[1]) {
				t.Errorf("parallel %d, seed %d: the same trials gave two results", parallel, seed)
			}
		}
	}
}

func TestSearchReturnsItsTrialsWithAnError(t *testing.T) {
	s, c := randomSystem(1, 0)
	c.Goals = []Goal{latencyGoal()}
	failed := errors.New("no broker")
	r, err := Search(t.Context(), c, func(ctx context.Context, a Ask) (Trial, error) {
		if len(s.asks) == 2 {
			return Trial{}, failed
		}
		return s.measure(ctx, a)
	})
	if !errors.Is(err, failed) || r == nil || len(r.Trials) != 2 || r.Goals[0].Outcome != Unfinished {
		t.Errorf("%v, %+v", err, r)
	}
	if _, err = Search(t.Context(), c, func(context.Context, Ask) (Trial, error) { return Trial{}, nil }); err == nil {
		t.Error("a trial without a verdict was taken")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Search(ended, c, s.measure); !errors.Is(err, context.Canceled) || r == nil {
		t.Errorf("a search that was cancelled: %v", err)
	}
}
