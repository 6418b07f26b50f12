package capacity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Config says what to search.
type Config struct {
	Axis Axis
	// Start is the first load, best 0.9 times the tightest analytic bound. It is moved
	// into the range of the axis.
	Start   float64
	Bracket float64 // Bracket is the factor from one bracketing load to the next; 0 is 1.25.
	Goals   []Goal
	Budget  Budget
	// Cost is what a trial of a length costs of the budget, with its preparation and its
	// drain. Nil costs the length.
	Cost func(length time.Duration) time.Duration
	// Parallel is how many trials may run together; 0 is 1. More trials at a time take
	// less time and more trials.
	Parallel int
	Progress func(Progress) // Progress is called after each trial, in their order, from the goroutine of Search. It may be nil.
}

// Measure makes one trial. Search calls it from several goroutines at a time if
// Config.Parallel allows that. An error ends the search.
type Measure func(context.Context, Ask) (Trial, error)

// Progress is what is known after a trial.
type Progress struct {
	Trial  Trial
	Result *Result // Result is that of a search that would end now.
}

// prepare is c with its defaults, or says what is wrong with it.
func (c Config) prepare() (Config, error) {
	if err := c.Axis.validate(); err != nil {
		return c, err
	}
	if c.Bracket == 0 {
		c.Bracket = 1.25
	}
	if c.Cost == nil {
		c.Cost = func(length time.Duration) time.Duration { return length }
	}
	c.Parallel = max(1, c.Parallel)
	c.Goals = slices.Clone(c.Goals)
	names := map[string]bool{}
	for i := range c.Goals {
		c.Goals[i] = c.Goals[i].withDefaults(c.Axis)
		if err := c.Goals[i].validate(c.Axis); err != nil {
			return c, err
		}
		if names[c.Goals[i].Name] {
			return c, fmt.Errorf("two goals named %s", c.Goals[i].Name)
		}
		names[c.Goals[i].Name] = true
	}
	for _, g := range c.Goals {
		if i := c.goalNamed(g.UpTo); g.UpTo != "" && (i < 0 || c.Goals[i].UpTo != "") {
			return c, fmt.Errorf("goal %s ends at the answer of %q: want another goal that searches the whole range", g.Name, g.UpTo)
		}
	}
	switch {
	case len(c.Goals) == 0:
		return c, errors.New("a search without a goal")
	case !(c.Start > 0):
		return c, fmt.Errorf("a search that starts at %v: want a load above zero", c.Start)
	case !(c.Bracket > 1 && c.Bracket <= 10):
		return c, fmt.Errorf("a bracket factor of %v: want more than 1 and at most 10", c.Bracket)
	}
	return c, nil
}

func (c *Config) goalNamed(name string) int {
	return slices.IndexFunc(c.Goals, func(g Goal) bool { return g.Name == name })
}

// newLattice is as fine as the finest goal wants.
func (c *Config) newLattice() *lattice {
	width := c.Goals[0].Width
	for _, g := range c.Goals {
		width = min(width, g.Width)
	}
	return newLattice(c.Axis, c.Start, c.Bracket, width)
}

// Search looks for the hardest load that holds each goal. It is deterministic: the same
// answers of measure lead to the same trials and the same result, also if several run
// together.
//
// It refuses a wrong Config, and with a [*BudgetError] a budget too small for one
// confirmed answer, before it measures anything. If measure fails or ctx ends, the
// result of the trials until then comes with the error.
func Search(ctx context.Context, c Config, measure Measure) (*Result, error) {
	c, err := c.prepare()
	if err != nil {
		return nil, err
	}
	if err := c.refuseBudget(); err != nil {
		return nil, err
	}
	s := &searcher{Config: c, lattice: c.newLattice(), at: map[int][]Trial{}}
	for {
		asks := s.chooseTrials()
		if len(asks) == 0 {
			return s.concludeSearch(), nil
		}
		if err := s.measureTogether(ctx, asks, measure); err != nil {
			return s.concludeSearch(), err
		}
	}
}

// searcher is the state of one search: its trials. Everything else follows from them.
type searcher struct {
	Config
	lattice *lattice
	at      map[int][]Trial // at has the trials by position.
	trials  []Trial
	spent   time.Duration
	stopped bool // stopped is a search that wants a trial which its budget does not allow.
}

// measureTogether makes the trials at the same time and notes them in the order of asks.
func (s *searcher) measureTogether(ctx context.Context, asks []want, measure Measure) error {
	trials, failures := make([]Trial, len(asks)), make([]error, len(asks))
	var made sync.WaitGroup
	before := map[int]int{}
	for i, w := range asks {
		ask := Ask{
			Load: s.lattice.loadAt(w.position), Length: w.length, Purpose: w.purpose, Goal: w.goal.Name,
			Repeat: len(s.at[w.position]) + before[w.position],
		}
		before[w.position]++
		made.Go(func() { trials[i], failures[i] = s.measureOne(ctx, ask, w.goal, measure) })
	}
	made.Wait()
	cost := time.Duration(0)
	for i, w := range asks {
		if failures[i] != nil {
			return failures[i]
		}
		s.trials = append(s.trials, trials[i])
		s.at[w.position] = append(s.at[w.position], trials[i])
		cost = max(cost, trials[i].Cost)
	}
	s.spent += cost
	if s.Progress != nil {
		for i := range asks {
			s.Progress(Progress{Trial: trials[i], Result: s.concludeSearch()})
		}
	}
	return nil
}

func (s *searcher) measureOne(ctx context.Context, a Ask, g *Goal, measure Measure) (Trial, error) {
	if err := ctx.Err(); err != nil {
		return Trial{}, fmt.Errorf("search ended: %w", err)
	}
	t, err := measure(ctx, a)
	if err != nil {
		return t, fmt.Errorf("trial at %v %s for %v: %w", a.Load, s.Axis.Unit, a.Length, err)
	}
	t.Load, t.Repeat, t.Purpose, t.Goal = a.Load, a.Repeat, a.Purpose, a.Goal
	if t.Duration <= 0 {
		t.Duration = a.Length
	}
	if t.Cost <= 0 {
		t.Cost = s.Cost(a.Length)
	}
	t.Full = t.Duration >= g.Full
	for _, g := range s.Goals {
		if v := t.Verdicts[g.Name]; v != Held && v != Broken && v != Undecided {
			return t, fmt.Errorf("trial at %v %s: no verdict on goal %s but %q", a.Load, s.Axis.Unit, g.Name, v)
		}
	}
	return t, nil
}
