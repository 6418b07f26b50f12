package capacity

import "time"

// sums are the summed durations of trials at one load, by length and verdict on one goal.
type sums struct {
	fullHeld, fullBroken, shortHeld, shortBroken time.Duration

	undecided     int // undecided trials, which count for no sum
	undecidedFull int // those of full length
}

func (g Goal) sumDurations(trials []Trial) (s sums) {
	for _, t := range trials {
		full := t.Duration >= g.Full
		switch v := t.Verdicts[g.Name]; {
		case v == Held && full:
			s.fullHeld += t.Duration
		case v == Held:
			s.shortHeld += t.Duration
		case v == Broken && full:
			s.fullBroken += t.Duration
		case v == Broken:
			s.shortBroken += t.Duration
		default:
			if s.undecided++; full {
				s.undecidedFull++
			}
		}
	}
	return s
}

// ClassifyLoad is the verdict of all trials at one load on the goal: the load
// classification of RFC 9971, appendix A. A load is Broken if no outcome of the time that
// is still missing could make it hold. It is Held if no outcome could break it. Short trials
// that held only balance short ones that broke: they can never hold a load alone.
// Trials that are undecided count for nothing.
func ClassifyLoad(g Goal, trials []Trial) Verdict { return g.classifySums(g.sumDurations(trials)) }

func (g Goal) classifySums(s sums) Verdict {
	balance := float64(s.shortHeld) * g.Exceed / (1 - g.Exceed)
	broken := float64(s.fullBroken) + max(0, float64(s.shortBroken)-balance)
	whole := max(broken+float64(s.fullHeld), float64(g.Sum))
	missing := whole - broken - float64(s.fullHeld)
	switch {
	case broken > g.Exceed*whole:
		return Broken
	case broken+missing <= g.Exceed*whole:
		return Held
	}
	return Undecided
}

// guessVerdict is the class of the load, or while that is undecided what the trials so far
// suggest, whatever their length. A search goes by it, and answers only what is
// classified.
func (g Goal) guessVerdict(s sums) Verdict {
	if v := g.classifySums(s); v != Undecided {
		return v
	}
	held, broken := s.fullHeld+s.shortHeld, s.fullBroken+s.shortBroken
	switch {
	case held+broken == 0:
		return Undecided
	case float64(broken) > g.Exceed*float64(held+broken):
		return Broken
	}
	return Held
}

// missingTrials is how many more full-length trials with the verdict v would give the
// load the class v.
func (g Goal) missingTrials(s sums, v Verdict) (n int) {
	for ; g.classifySums(s) != v && n < mostRepeats; n++ {
		if v == Held {
			s.fullHeld += g.Full
		} else {
			s.fullBroken += g.Full
		}
	}
	return n
}

// mostRepeats ends a count that would never come to its end.
const mostRepeats = 1000
