package capacity

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// want is a trial that one goal wants next.
type want struct {
	position int
	length   time.Duration
	purpose  Purpose
	goal     *Goal
}

// view is what the trials so far say of one goal, by position.
type view struct {
	held, broken       int // held is the hardest that seems to hold below broken, the easiest that seems to break.
	hasHeld, hasBroken bool
	sureHeld           bool // sureHeld and sureBroken say that the bound is classified.
	sureBroken         bool
	extend             []int // extend are undecided once.
	undecided          []int // undecided are undecided although extended, in order.

	beyond                int // beyond is the hardest that seems to hold although broken is easier: an inversion.
	hasBeyond, sureBeyond bool
}

// viewGoal looks at the positions up to most.
func (s *searcher) viewGoal(g *Goal, most int) (v view) {
	for _, p := range slices.Sorted(maps.Keys(s.at)) {
		sum := g.sumDurations(s.at[p])
		class, guess := g.classifySums(sum), g.guessVerdict(sum)
		switch {
		case p > most:
		case class == Undecided && sum.undecided > 1:
			v.undecided = append(v.undecided, p)
		case guess == Undecided:
			v.extend = append(v.extend, p)
		case guess == Broken && !v.hasBroken:
			v.broken, v.hasBroken, v.sureBroken = p, true, class == Broken
		case guess == Held && !v.hasBroken:
			v.held, v.hasHeld, v.sureHeld = p, true, class == Held
		case guess == Held:
			v.beyond, v.hasBeyond, v.sureBeyond = p, true, class == Held
		}
	}
	within := func(p int) bool { return (!v.hasHeld || p > v.held) && (!v.hasBroken || p < v.broken) }
	v.extend = slices.DeleteFunc(v.extend, func(p int) bool { return !within(p) })
	return v
}

// hardestFor is the hardest position that the goal is searched up to. ready is false
// while that depends on an answer which is still searched.
func (s *searcher) hardestFor(g *Goal) (most int, ready bool) {
	i := s.goalNamed(g.UpTo)
	if i < 0 {
		return s.lattice.most, true
	}
	other := &s.Goals[i]
	v := s.viewGoal(other, s.lattice.most)
	for _, w := range s.wantTrials(other, 1) {
		if w.purpose != Confirm {
			return 0, false
		}
	}
	if !v.hasHeld {
		return s.lattice.least, true
	}
	return v.held, true
}

// wantTrials are the next trials of a goal, up to n that may run together, the most wanted
// first. A goal without any is done.
func (s *searcher) wantTrials(g *Goal, n int) (wants []want) {
	most, ready := s.hardestFor(g)
	if !ready {
		return nil
	}
	v := s.viewGoal(g, most)
	add := func(p int, length time.Duration, purpose Purpose) {
		wants = append(wants, want{p, length, purpose, g})
	}
	for _, p := range v.extend {
		add(p, g.Full, Extend)
	}
	if len(wants) > 0 {
		return wants[:min(n, len(wants))]
	}
	if s.affordsSearch(g) {
		positions, purpose := s.searchFurther(g, v, most, n)
		for _, p := range positions {
			add(p, g.Short, purpose)
		}
		if len(wants) > 0 {
			return wants
		}
	}
	if v.hasHeld && !v.sureHeld {
		s.confirmBound(g, v.held, Held, add)
	}
	if v.hasBroken && !v.sureBroken {
		s.confirmBound(g, v.broken, Broken, add)
	}
	if v.hasBeyond && !v.sureBeyond && len(wants) == 0 {
		s.confirmBound(g, v.beyond, Held, add)
	}
	return wants[:min(n, len(wants))]
}

// confirmBound adds the full-length trials that may classify a position. After one that
// was undecided it adds a trial twice as long.
func (s *searcher) confirmBound(g *Goal, p int, v Verdict, add func(int, time.Duration, Purpose)) {
	sum := g.sumDurations(s.at[p])
	if sum.undecidedFull > 0 {
		add(p, 2*g.Full, Extend)
		return
	}
	for range g.missingTrials(sum, v) {
		add(p, g.Full, Confirm)
	}
}

// searchFurther are the positions to try with short trials: beyond what was measured while
// a bound is missing, then between the bounds until they are close enough. A position
// that stayed undecided is neither bound, so the gaps on its two sides are narrowed.
func (s *searcher) searchFurther(g *Goal, v view, most, n int) ([]int, Purpose) {
	if len(s.at) == 0 {
		first := min(s.lattice.origin, most)
		return append([]int{first}, s.bracketOn(g, first, true, most, n-1)...), Bracket
	}
	edges := slices.Clone(v.undecided)
	edges = slices.DeleteFunc(edges, func(p int) bool { return v.hasHeld && p <= v.held || v.hasBroken && p >= v.broken })
	if v.hasHeld {
		edges = slices.Insert(edges, 0, v.held)
	}
	if v.hasBroken {
		edges = append(edges, v.broken)
	}
	if len(edges) == 0 { // all trials lie beyond most
		return []int{most}, Bracket
	}
	easiest, hardest := edges[0], edges[len(edges)-1]
	if !v.hasHeld && easiest > s.lattice.least {
		return s.bracketOn(g, easiest, false, most, n), Bracket
	}
	if !v.hasBroken && hardest < most {
		return s.bracketOn(g, hardest, true, most, n), Bracket
	}
	width := s.lattice.widthSteps(g.Width)
	if last := len(edges) - 1; last > 0 {
		if v.hasHeld && edges[1]-edges[0] > width {
			return divideGap(edges[0], edges[1], n), Bisect
		}
		if v.hasBroken && edges[last]-edges[last-1] > width {
			return divideGap(edges[last-1], edges[last], n), Bisect
		}
	}
	return nil, Bisect
}

// bracketOn are the next n positions beyond p in one direction. If a full-length trial
// refuted short ones at p, the answer is close: then the first is one width away.
func (s *searcher) bracketOn(g *Goal, p int, harder bool, most, n int) (positions []int) {
	sum, width := g.sumDurations(s.at[p]), s.lattice.widthSteps(g.Width)
	for i := range n {
		next := s.lattice.bracketFrom(p, harder)
		switch {
		case i > 0:
		case harder && sum.fullHeld > 0 && sum.shortBroken > 0:
			next = p + width
		case !harder && sum.fullBroken > 0 && sum.shortHeld > 0:
			next = p - width
		}
		next = max(min(next, most), s.lattice.least)
		if next == p {
			break
		}
		positions, p = append(positions, next), next
	}
	return positions
}

// divideGap are up to n positions that divide the gap evenly; one is its middle.
func divideGap(from, to, n int) (positions []int) {
	for i := 1; i <= n; i++ {
		if p := from + (to-from)*i/(n+1); p > from && p < to && !slices.Contains(positions, p) {
			positions = append(positions, p)
		}
	}
	return positions
}

// chooseTrials are the next trials to make together: what each goal wants most, then
// what it wants next. Short trials come before longer ones, easy loads before harder ones.
func (s *searcher) chooseTrials() (batch []want) {
	wanted := make([][]want, len(s.Goals))
	for i := range s.Goals {
		wanted[i] = s.wantTrials(&s.Goals[i], s.Parallel)
	}
	s.stopped = false
	for round := range s.Parallel {
		var next []want
		for _, w := range wanted {
			if round < len(w) {
				next = append(next, w[round])
			}
		}
		slices.SortStableFunc(next, func(a, b want) int {
			return cmp.Or(cmp.Compare(a.length, b.length), cmp.Compare(a.position, b.position))
		})
		for _, w := range next {
			if len(batch) == s.Parallel || isAskedByOther(batch, w) {
				continue
			}
			if !s.affordsTrial(w.length, len(batch)+1) {
				s.stopped = true
				continue
			}
			batch = append(batch, w)
		}
	}
	if len(batch) > 0 {
		s.stopped = false
	}
	return batch
}

// isAskedByOther says that another goal asked for the same trial: one serves both.
func isAskedByOther(batch []want, w want) bool {
	return slices.ContainsFunc(batch, func(b want) bool {
		return b.goal != w.goal && b.position == w.position && b.length == w.length
	})
}
