package capacity

import (
	"slices"
	"testing"
	"time"
)

// trialsOf are n trials of a length with a verdict on each goal by the letter: h, b or u.
func trialsOf(n int, length time.Duration, verdicts map[string]Verdict) []Trial {
	return slices.Repeat([]Trial{{Duration: length, Verdicts: verdicts}}, n)
}

// TestClassifyLoad follows the example search of RFC 9971, appendix C: the same trials at
// one load, judged by four goals. At the last two steps it calls a load with 43 % and 27 %
// of broken time a lower bound for the exceed ratio of 20 %. Its definition and its code
// say upper bound, and so do we.
func TestClassifyLoad(t *testing.T) {
	goals := []Goal{
		{Name: "none lost", Exceed: 0, Full: time.Minute, Sum: time.Minute},
		{Name: "half", Exceed: 0.5, Full: time.Minute, Sum: 2 * time.Minute},
		{Name: "seconds", Exceed: 0.5, Full: time.Second, Sum: 2 * time.Minute},
		{Name: "a fifth", Exceed: 0.2, Full: time.Minute, Sum: time.Minute},
	}
	held := map[string]Verdict{"none lost": Held, "half": Held, "seconds": Held, "a fifth": Held}
	broken := map[string]Verdict{"none lost": Broken, "half": Broken, "seconds": Broken, "a fifth": Broken}
	slightly := map[string]Verdict{"none lost": Broken, "half": Broken, "seconds": Held, "a fifth": Held}
	var trials []Trial
	for i, step := range []struct {
		added []Trial
		want  [4]Verdict
	}{
		{trialsOf(59, time.Second, held), [4]Verdict{Undecided, Undecided, Undecided, Undecided}},
		{trialsOf(1, time.Second, broken), [4]Verdict{Broken, Undecided, Undecided, Undecided}},
		{trialsOf(59, time.Second, broken), [4]Verdict{Broken, Undecided, Undecided, Broken}},
		{trialsOf(1, time.Second, held), [4]Verdict{Broken, Undecided, Held, Broken}},
		{trialsOf(1, time.Minute, slightly), [4]Verdict{Broken, Undecided, Held, Broken}},
		{trialsOf(1, time.Minute, held), [4]Verdict{Broken, Held, Held, Broken}},
	} {
		trials = append(trials, step.added...)
		for j, g := range goals {
			if got := ClassifyLoad(g, trials); got != step.want[j] {
				t.Errorf("step %d, goal %s: %s, want %s", i+1, g.Name, got, step.want[j])
			}
		}
	}
	for i := range trials { // the completed rates of the example, of a million offered
		trials[i].Completed = 1e6
		switch {
		case trials[i].Verdicts["seconds"] == Broken:
			trials[i].Completed = 0.99e6
		case trials[i].Verdicts["half"] == Broken:
			trials[i].Completed = 0.999e6
		}
	}
	for j, want := range []float64{1: 1e6, 2: 1e6, 3: 0.999e6} {
		if got := ConditionalThroughput(goals[j], trials); j > 0 && got != want {
			t.Errorf("goal %s: a conditional throughput of %v, want %v", goals[j].Name, got, want)
		}
	}
}

func TestClassifyLoadIgnoresUndecidedTrials(t *testing.T) {
	g := latencyGoal()
	verdict := func(v Verdict) map[string]Verdict { return map[string]Verdict{g.Name: v} }
	trials := trialsOf(9, g.Full, verdict(Undecided))
	if got := ClassifyLoad(g, trials); got != Undecided {
		t.Errorf("nine undecided trials: %s", got)
	}
	trials = append(trials, trialsOf(2, g.Full, verdict(Held))...)
	if got := ClassifyLoad(g, trials); got != Held {
		t.Errorf("nine undecided trials and two that held: %s", got)
	}
}

func TestConditionalThroughputIsNeverTheOfferedRate(t *testing.T) {
	g := guaranteeGoal()
	trials := []Trial{
		{Load: 500, Completed: 490, Duration: g.Full, Verdicts: map[string]Verdict{g.Name: Held}},
		{Load: 500, Completed: 480, Duration: g.Full, Verdicts: map[string]Verdict{g.Name: Held}},
		{Load: 500, Completed: 500, Duration: g.Short, Verdicts: map[string]Verdict{g.Name: Held}},
	}
	if got := ConditionalThroughput(g, trials); got != 480 {
		t.Errorf("%v, want the worst full-length trial, 480", got)
	}
	if got := ConditionalThroughput(g, trials[2:]); got != 0 {
		t.Errorf("%v of a short trial alone, want 0", got)
	}
}
