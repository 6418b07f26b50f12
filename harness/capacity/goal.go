package capacity

import (
	"errors"
	"fmt"
	"time"
)

// Verdict is what one trial, or all trials at a load, say of a goal.
type Verdict string

// The verdicts. A load that is Held is a lower bound in the words of RFC 9971, one that
// is Broken an upper bound.
const (
	Held      Verdict = "held"
	Broken    Verdict = "broken"
	Undecided Verdict = "undecided"
)

// Goal is one promise that a search looks for the limit of.
type Goal struct {
	Name string `json:"name"` // Name is the key of the verdicts of trials.
	// Exceed is the share of the summed time of trials that may break the goal at a load
	// that still holds it: 0 for guarantees, 0.5 for latency and other objectives.
	Exceed float64 `json:"exceed"`
	// Width is how close the bounds of the answer must be: relative on a real axis, in
	// steps on an axis of integers. 0 is 0.05 or 1 step.
	Width float64       `json:"width"`
	Full  time.Duration `json:"full_ns"`  // Full is the length of a trial that may confirm an answer.
	Short time.Duration `json:"short_ns"` // Short is the length of the trials that search: at most Full; 0 is Full.
	// Sum is how long full-length trials at one load must last together before it can
	// hold the goal. 0 is Full: one trial.
	Sum time.Duration `json:"sum_ns"`
	// UpTo names a goal whose answer ends the search for this one, since harder loads
	// have no use. "" searches the whole range.
	UpTo string `json:"up_to,omitempty"`
}

// withDefaults is g with its zero values replaced.
func (g Goal) withDefaults(a Axis) Goal {
	if g.Width == 0 {
		g.Width = 0.05
		if a.Integer {
			g.Width = 1
		}
	}
	if g.Short == 0 {
		g.Short = g.Full
	}
	if g.Sum == 0 {
		g.Sum = g.Full
	}
	return g
}

func (g Goal) validate(a Axis) error {
	switch {
	case g.Name == "":
		return errors.New("a goal without a name")
	case !(g.Exceed >= 0 && g.Exceed < 1):
		return fmt.Errorf("goal %s: an exceed ratio of %v: want 0 or more and less than 1", g.Name, g.Exceed)
	case g.Full <= 0 || g.Short <= 0 || g.Short > g.Full:
		return fmt.Errorf("goal %s: trials of %v and %v: want a full length above zero and a short one up to it", g.Name, g.Full, g.Short)
	case g.Sum < 0:
		return fmt.Errorf("goal %s: a sum of durations of %v: want none below zero", g.Name, g.Sum)
	case a.Integer && g.Width < 1:
		return fmt.Errorf("goal %s: a width of %v steps: want 1 or more", g.Name, g.Width)
	case !a.Integer && !(g.Width >= leastWidth && g.Width <= 1):
		return fmt.Errorf("goal %s: a width of %v: want a share from %v to 1", g.Name, g.Width, leastWidth)
	}
	return nil
}

// Ask is one trial that a search wants.
type Ask struct {
	Load   float64
	Length time.Duration
	// Repeat is how many trials at this load were asked for before: a caller whose trials
	// depend on a seed must take another one for each repeat.
	Repeat  int
	Purpose Purpose
	Goal    string // Goal is the name of the goal that it is made for; it is judged for all.
}

// Purpose says why a trial was made.
type Purpose string

// The purposes. Bracketing and bisecting trials search. Confirming ones are full-length
// trials at what seems to be the answer, or at a harder load that seems to hold. An
// extension repeats an undecided trial, longer.
const (
	Bracket Purpose = "bracket"
	Bisect  Purpose = "bisect"
	Confirm Purpose = "confirm"
	Extend  Purpose = "extend"
)

// Trial is one measurement at one load. The caller's Measure sets Verdicts and Completed,
// and Duration and Cost where they differ from what was asked. The search sets the rest.
type Trial struct {
	Load     float64            `json:"load"`
	Duration time.Duration      `json:"duration_ns"` // Duration as achieved; 0 from Measure is the length as asked.
	Full     bool               `json:"full"`        // Full is a trial with the full length of the goal that it was made for.
	Repeat   int                `json:"repeat"`
	Purpose  Purpose            `json:"purpose"`
	Goal     string             `json:"goal"`
	Verdicts map[string]Verdict `json:"verdicts"` // Verdicts has one for each goal, by its name.
	// Completed is the rate that came out, in records a second.
	Completed float64       `json:"completed_per_s"`
	Cost      time.Duration `json:"cost_ns"`          // Cost is what it took of the budget; 0 from Measure is as configured.
	Detail    []string      `json:"detail,omitempty"` // Detail says what broke, for a reader.
	Data      any           `json:"-"`                // Data is the caller's.
}
