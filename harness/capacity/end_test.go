package capacity

import (
	"context"
	"math/rand/v2"
	"testing"
)

// TestSearchEndsWhateverTrialsSay gives random verdicts. A search must come to its end, ask
// only for loads of its range, and claim no bound that its trials do not show.
func TestSearchEndsWhateverTrialsSay(t *testing.T) {
	axes := []Axis{
		{Unit: "records/s", Least: 10, Most: 5000},
		{Unit: "records/s", Least: 100, Most: 100},
		{Unit: "pods", Integer: true, Demand: true, Least: 1, Most: 60},
		{Unit: "keys", Integer: true, Least: 3, Most: 40},
		{Unit: "s", Demand: true, Least: 0.5, Most: 90},
	}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		axis := axes[seed%uint64(len(axes))]
		one, two, three := latencyGoal(), guaranteeGoal(), guaranteeGoal()
		one.Width, two.Width, three.Width, three.Name, three.UpTo = 0, 0, 0, "age", "latency"
		if seed%2 == 0 && axis.Integer {
			two.Width = 3
		}
		c := Config{Axis: axis, Start: axis.Least * (1 + 20*r.Float64()), Goals: []Goal{three, one, two}, Parallel: 1 + r.IntN(3)}
		odds := [2]float64{r.Float64(), r.Float64()}
		trials := 0
		result, err := Search(t.Context(), c, func(_ context.Context, a Ask) (Trial, error) {
			return Trial{}, nil
		})
		if err == nil || len(result.Trials) != 0 {
			t.Fatalf("seed %d: a trial without verdicts: %v", seed, err)
		}
		c.Parallel = 1 // random numbers are drawn in order
		result, err = Search(t.Context(), c, func(_ context.Context, a Ask) (Trial, error) {
			if trials++; trials > 1000 {
				t.Fatalf("seed %d: a search without an end: %+v", seed, a)
			}
			if a.Load < axis.Least || a.Load > axis.Most {
				t.Errorf("seed %d: a load of %v", seed, a.Load)
			}
			verdicts := map[string]Verdict{}
			for _, g := range c.Goals {
				switch u := r.Float64(); {
				case u < odds[0]:
					verdicts[g.Name] = Held
				case u < odds[0]+odds[1]:
					verdicts[g.Name] = Broken
				default:
					verdicts[g.Name] = Undecided
				}
			}
			return Trial{Verdicts: verdicts, Completed: a.Load}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range result.Goals {
			checkBounds(t, seed, result, &result.Goals[i])
		}
	}
}

// checkBounds compares the bounds of a goal with the trials at their loads.
func checkBounds(t *testing.T, seed uint64, r *Result, g *GoalResult) {
	t.Helper()
	at := func(load float64) (trials []Trial) {
		for _, trial := range r.Trials {
			if trial.Load == load {
				trials = append(trials, trial)
			}
		}
		return trials
	}
	for b, v := range map[*LoadBound]Verdict{g.Held: Held, g.Broken: Broken} {
		if b != nil && b.Confirmed != (ClassifyLoad(g.Goal, at(b.Load)) == v) {
			t.Errorf("seed %d: %s at %v is confirmed: %v", seed, v, b.Load, b.Confirmed)
		}
	}
	if g.Held != nil && g.Broken != nil && !r.Axis.IsHarder(g.Broken.Load, g.Held.Load) {
		t.Errorf("seed %d: %v holds and %v breaks", seed, g.Held.Load, g.Broken.Load)
	}
	if g.Outcome == Unfinished || g.Outcome == OutOfBudget {
		t.Errorf("seed %d: %s without a budget", seed, g.Outcome)
	}
	if g.Outcome == Answered && !(g.Held.Confirmed && g.Broken.Confirmed) {
		t.Errorf("seed %d: an answer that is not confirmed", seed)
	}
}
