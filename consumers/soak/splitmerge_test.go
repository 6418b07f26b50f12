package soak_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// With work of 10 ms, the records of a key in order complete at 100/s. If 8 ms of the work
// can be prepared out of order, the rest allows 500/s, as long as the workers can prepare as
// many: 8 workers prepare 1,000/s.
func TestSplitmergeCompletesAHotKeyFasterThanOneWorker(t *testing.T) {
	service := 10 * time.Millisecond
	oneWorker := 1 / service.Seconds()
	rate := func(consumer string, prepare float64) float64 {
		s := trial.NewScenario("hot", "nearly all of the load is on one key", func(s *harness.Scenario) {
			s.Load.Keys, s.Prepare = load.Hot{Fraction: 0.95, Hot: 1, Others: 20}, prepare
			s.Load.Pacer, s.Drain = load.Constant{Rate: 400, For: 5 * time.Second}, 40*time.Second
		})
		r := trial.RunVirtual(t, s, consumer, 1)
		requirePass(t, r, consumer, 1)
		return r.Completed
	}
	keyed, split, little := rate("keyed", 0), rate("splitmerge", 0), rate("splitmerge", 0.1)
	t.Logf("one worker %.0f/s; keyed %.0f/s, splitmerge %.0f/s, and %.0f/s if a tenth of the work can be prepared", oneWorker, keyed, split, little)
	if keyed > 1.2*oneWorker { // the other keys have a twentieth of the load
		t.Errorf("keyed completes %.0f/s: the key is not hot", keyed)
	}
	if split < 3*oneWorker {
		t.Errorf("splitmerge completes %.0f/s, want three times one worker at least", split)
	}
	if little < keyed || little > 1.4*oneWorker {
		t.Errorf("splitmerge completes %.0f/s if a tenth of the work can be prepared, want little more than keyed's %.0f/s", little, keyed)
	}
}
