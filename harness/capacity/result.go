package capacity

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Result is what a search found.
type Result struct {
	Axis   Axis         `json:"axis"`
	Goals  []GoalResult `json:"goals"`  // Goals are in the order of the configuration.
	Trials []Trial      `json:"trials"` // Trials are all, in the order in which they were asked for.
	// Searching trials bracket, bisect and extend; Confirming trials are full-length ones
	// at what seemed to be a bound of the answer.
	Searching  int           `json:"searching"`
	Confirming int           `json:"confirming"`
	Spent      time.Duration `json:"spent_ns"` // Spent is what the trials cost of the budget.
}

// Outcome says how the search for one goal ended.
type Outcome string

// The outcomes. Only Answered has two confirmed bounds within the goal's width.
const (
	Answered      Outcome = "answered"
	NeverHeld     Outcome = "never held"    // the easiest load broke the goal: a finding on the range, not a capacity
	NeverBroken   Outcome = "never broken"  // the hardest load held the goal: the capacity lies beyond it
	LeftUndecided Outcome = "undecided"     // loads that stayed undecided after their extension keep the bounds apart
	OutOfBudget   Outcome = "out of budget" // the bounds are those that the budget allowed
	Unfinished    Outcome = "not finished"  // the search was ended, or has not come to its end
)

// GoalResult is what the trials say of one goal.
type GoalResult struct {
	Goal    Goal    `json:"goal"`
	Outcome Outcome `json:"outcome"`
	// Held is the answer: the hardest load that holds the goal and is easier than Broken.
	// Broken is the easiest load that breaks it. RFC 9971 calls them the relevant lower
	// and upper bound. On an axis of demand Held is the larger number. Nil if there is none.
	Held   *LoadBound `json:"held,omitempty"`
	Broken *LoadBound `json:"broken,omitempty"`
	// From and To are the interval in which the capacity lies, by number: the loads of the
	// two bounds. A trial that contradicts its bound shows that the capacity is close
	// to it, so the interval is one width wider there. 0 where there is no bound.
	From float64 `json:"from,omitempty"`
	To   float64 `json:"to,omitempty"`
	// Throughput is the conditional throughput at Held: what came out, not what was offered.
	Throughput float64   `json:"throughput_per_s"`
	Undecided  []float64 `json:"undecided,omitempty"` // Undecided are the loads that stayed undecided.
	// Inversions are loads that break the goal although a harder one holds it. They are
	// never averaged: the answer lies below the easiest load that breaks.
	Inversions []Inversion `json:"inversions,omitempty"`
}

// LoadBound is a load with a verdict.
type LoadBound struct {
	Load      float64 `json:"load"`
	Confirmed bool    `json:"confirmed"` // Confirmed is a load that is classified; else short trials suggest the verdict.
	Trials    int     `json:"trials"`    // Trials is how many were made at the load.
}

// Inversion is a load that breaks a goal and the hardest load that holds it nevertheless.
type Inversion struct {
	Broken    float64 `json:"broken"`
	Held      float64 `json:"held"`
	Confirmed bool    `json:"confirmed"` // Confirmed says that both loads are classified; else short trials suggest it.
}

// concludeSearch is the result of the trials so far.
func (s *searcher) concludeSearch() *Result {
	r := &Result{Axis: s.Axis, Trials: slices.Clone(s.trials), Spent: s.spent}
	for _, t := range s.trials {
		if t.Purpose == Confirm {
			r.Confirming++
		} else {
			r.Searching++
		}
	}
	for i := range s.Goals {
		r.Goals = append(r.Goals, s.concludeGoal(&s.Goals[i]))
	}
	return r
}

func (s *searcher) concludeGoal(g *Goal) GoalResult {
	r := GoalResult{Goal: *g, Outcome: Unfinished}
	most, ready := s.hardestFor(g)
	if !ready {
		most = s.lattice.most
	}
	v, all := s.viewGoal(g, most), s.viewGoal(g, s.lattice.most)
	if v.hasHeld {
		r.Held = &LoadBound{s.lattice.loadAt(v.held), v.sureHeld, len(s.at[v.held])}
		r.Throughput = ConditionalThroughput(*g, s.at[v.held])
	}
	if all.hasBroken { // also one beyond the end of the search for this goal
		r.Broken = &LoadBound{s.lattice.loadAt(all.broken), all.sureBroken, len(s.at[all.broken])}
	}
	for _, p := range v.undecided {
		r.Undecided = append(r.Undecided, s.lattice.loadAt(p))
	}
	r.From, r.To = s.coverCapacity(g, v)
	r.Inversions = s.findInversions(g)
	switch wants := s.wantTrials(g, 1); {
	case (len(wants) > 0 || !ready) && !s.stopped:
		r.Outcome = Unfinished
	case v.sureHeld && v.sureBroken && v.broken-v.held <= s.lattice.widthSteps(g.Width):
		r.Outcome = Answered
	case !v.hasHeld && v.sureBroken && v.broken == s.lattice.least:
		r.Outcome = NeverHeld
	case v.sureHeld && v.held >= most:
		r.Outcome = NeverBroken
	case len(wants) > 0 || !ready || !s.affordsSearch(g) && s.isWide(g, v, most):
		r.Outcome = OutOfBudget
	default:
		r.Outcome = LeftUndecided
	}
	return r
}

// coverCapacity is the interval around the answer.
func (s *searcher) coverCapacity(g *Goal, v view) (from, to float64) {
	width := s.lattice.widthSteps(g.Width)
	if v.hasHeld {
		p := v.held
		if g.isContradicted(s.at[p], Held) {
			p = max(p-width, s.lattice.least)
		}
		from = s.lattice.loadAt(p)
	}
	if v.hasBroken {
		p := v.broken
		if g.isContradicted(s.at[p], Broken) {
			p = min(p+width, s.lattice.most)
		}
		to = s.lattice.loadAt(p)
	}
	if s.Axis.Demand {
		from, to = to, from
	}
	return from, to
}

// isContradicted says that a trial at a load has another verdict than the load.
func (g *Goal) isContradicted(trials []Trial, v Verdict) bool {
	return slices.ContainsFunc(trials, func(t Trial) bool { return t.Verdicts[g.Name] != v })
}

// isWide says that short trials could still bring the bounds closer.
func (s *searcher) isWide(g *Goal, v view, most int) bool {
	positions, _ := s.searchFurther(g, v, most, 1)
	return len(positions) > 0
}

// findInversions compares the loads that seem to break with the hardest that seems to hold.
func (s *searcher) findInversions(g *Goal) (found []Inversion) {
	positions := slices.Sorted(maps.Keys(s.at))
	guess := func(p int) Verdict { return g.guessVerdict(g.sumDurations(s.at[p])) }
	hardest := 0
	for i, p := range positions {
		if guess(p) == Held {
			hardest = i
		}
	}
	for _, p := range positions[:hardest] {
		if guess(p) == Broken {
			held := positions[hardest]
			sure := ClassifyLoad(*g, s.at[p]) == Broken && ClassifyLoad(*g, s.at[held]) == Held
			found = append(found, Inversion{s.lattice.loadAt(p), s.lattice.loadAt(held), sure})
		}
	}
	return found
}

// Limiting is the goal with the easiest answer, or the first without one: the capacity
// under all goals is its.
func (r *Result) Limiting() *GoalResult {
	var limiting *GoalResult
	for i := range r.Goals {
		g := &r.Goals[i]
		if g.Held == nil {
			return g
		}
		if limiting == nil || r.Axis.IsHarder(limiting.Held.Load, g.Held.Load) {
			limiting = g
		}
	}
	return limiting
}

// Describe says in a sentence what was found for the goal with the index i.
func (r *Result) Describe(i int) string {
	g, unit := &r.Goals[i], r.Axis.Unit
	hardest, easiest := "highest", "lowest"
	if r.Axis.Demand {
		hardest, easiest = "lowest", "highest"
	}
	switch {
	case g.Outcome == NeverHeld:
		return fmt.Sprintf("%s: never held: %v %s, the %s load, breaks it", g.Goal.Name, g.Broken.Load, unit, easiest)
	case g.Outcome == NeverBroken && g.Goal.UpTo != "":
		return fmt.Sprintf("%s: held up to %v %s, the answer of %s", g.Goal.Name, g.Held.Load, unit, g.Goal.UpTo)
	case g.Outcome == NeverBroken:
		return fmt.Sprintf("%s: never broken: %v %s, the %s load, holds it", g.Goal.Name, g.Held.Load, unit, hardest)
	case g.Held == nil && g.Broken == nil:
		return fmt.Sprintf("%s: %s, with no load that holds or breaks it", g.Goal.Name, g.Outcome)
	}
	return fmt.Sprintf("%s: %s: %s, %s", g.Goal.Name, g.Outcome, g.Held.describe(unit, Held), g.Broken.describe(unit, Broken))
}

func (b *LoadBound) describe(unit string, v Verdict) string {
	switch {
	case b == nil:
		return "no load " + string(v)
	case b.Confirmed:
		return fmt.Sprintf("%v %s %s", b.Load, unit, v)
	}
	return fmt.Sprintf("%v %s %s, not confirmed", b.Load, unit, v)
}
