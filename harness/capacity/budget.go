package capacity

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Budget limits a search. A zero value is no limit.
type Budget struct {
	Time   time.Duration `json:"time_ns"` // Time that all trials may cost; trials that run together cost as much as the longest of them.
	Trials int           `json:"trials"`
}

// BudgetError refuses a search in advance, since its budget cannot give one confirmed
// answer.
type BudgetError struct {
	Have, Need Budget
}

func (e *BudgetError) Error() string {
	if e.Have.Trials > 0 && e.Have.Trials < e.Need.Trials {
		return fmt.Sprintf("a budget of %d trials is too small for one confirmed answer: that takes %d", e.Have.Trials, e.Need.Trials)
	}
	return fmt.Sprintf("a budget of %v is too small for one confirmed answer: that takes %v", e.Have.Time, e.Need.Time)
}

// NeedBudget is the least that one confirmed answer is expected to take, for the goal that
// takes most: two trials to bracket it, those to bisect the bracket, and the
// full-length ones at both bounds. A start far from the answer takes more.
func (c Config) NeedBudget() (Budget, error) {
	c, err := c.prepare()
	if err != nil {
		return Budget{}, err
	}
	return c.needBudget(), nil
}

func (c *Config) needBudget() (need Budget) {
	l := c.newLattice()
	for _, g := range c.Goals {
		steps := max(1, l.bracketFrom(l.origin, true)-l.origin, l.origin-l.bracketFrom(l.origin, false))
		gaps := uint((steps + l.widthSteps(g.Width) - 1) / l.widthSteps(g.Width))
		bisections := bits.Len(gaps - 1)
		rounds := int(math.Ceil(math.Log(float64(gaps))/math.Log(float64(c.Parallel+1)) - 1e-9))
		searching, confirming := 2+bisections, g.missingTrials(sums{}, Held)+g.missingTrials(sums{}, Broken)
		if c.Parallel > 1 {
			searching = 2 + rounds*c.Parallel
		}
		together := func(n int) time.Duration { return time.Duration((n + c.Parallel - 1) / c.Parallel) }
		took := together(2)*c.Cost(g.Short) + time.Duration(rounds)*c.Cost(g.Short) + together(confirming)*c.Cost(g.Full)
		need.Time = max(need.Time, took)
		need.Trials = max(need.Trials, searching+confirming)
	}
	return need
}

// refuseBudget is a *BudgetError if the budget is too small.
func (c *Config) refuseBudget() error {
	need := c.needBudget()
	if c.Budget.Time > 0 && c.Budget.Time < need.Time || c.Budget.Trials > 0 && c.Budget.Trials < need.Trials {
		return &BudgetError{Have: c.Budget, Need: need}
	}
	return nil
}

// affordsTrial says whether the budget has room for a trial of a length as number n of
// its batch.
func (s *searcher) affordsTrial(length time.Duration, n int) bool {
	b := s.Budget
	return (b.Time == 0 || s.spent+s.Cost(length) <= b.Time) && (b.Trials == 0 || len(s.trials)+n <= b.Trials)
}

// affordsSearch says whether the budget has room for one more search trial and for the
// confirming ones of all bounds that are known. If not, the search ends with wider
// bounds, but with confirmed ones. Goals that end at the answer of another one share its
// confirming trials.
func (s *searcher) affordsSearch(g *Goal) bool {
	if s.Budget == (Budget{}) {
		return true
	}
	missing, full := map[int]int{}, time.Duration(0)
	for i := range s.Goals {
		other := &s.Goals[i]
		v := s.viewGoal(other, s.lattice.most)
		if other.UpTo != "" || !v.hasHeld {
			continue
		}
		full = max(full, other.Full)
		missing[v.held] = max(missing[v.held], other.missingTrials(other.sumDurations(s.at[v.held]), Held))
		if v.hasBroken {
			missing[v.broken] = max(missing[v.broken], other.missingTrials(other.sumDurations(s.at[v.broken]), Broken))
		}
	}
	if len(missing) == 0 {
		return true
	}
	confirming := 0
	for _, n := range missing {
		confirming += n
	}
	rounds := (confirming + s.Parallel - 1) / s.Parallel
	cost := s.Cost(g.Short) + time.Duration(rounds)*s.Cost(full)
	b := s.Budget
	return (b.Time == 0 || s.spent+cost <= b.Time) && (b.Trials == 0 || len(s.trials)+s.Parallel+confirming <= b.Trials)
}
