package mutants_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// A key in order takes 100/s of 10 ms work each. With 8 ms of that ahead its records take
// what the rest allows, 500/s, if the workers can prepare as many: 8 prepare 1,000/s.
func TestSplitmergeClearsAHotKeyFasterThanItsService(t *testing.T) {
	one := 1 / (10 * time.Millisecond).Seconds()
	rate := func(consumer string, prepare float64) float64 {
		r := play(t, "virtual", scene("hot", "nearly all of the load is on one key", func(s *harness.Scenario) {
			s.Load.Keys, s.Prepare = load.Hot{Fraction: 0.95, Hot: 1, Others: 20}, prepare
			s.Load.Pacer, s.Drain = load.Constant{Rate: 400, For: 5 * time.Second}, 40*time.Second
		}), consumer, 1)
		if r.Status != harness.Pass {
			t.Errorf("%s: %s: %v\n%s", consumer, r.Status, r.Reasons, firsts(r))
		}
		return r.Completed
	}
	keyed, split, little := rate("keyed", 0), rate("splitmerge", 0), rate("splitmerge", 0.1)
	t.Logf("1 / service %.0f/s; keyed %.0f/s, splitmerge %.0f/s, and %.0f/s where a tenth of the work commutes", one, keyed, split, little)
	if keyed > 1.2*one { // the other keys are a twentieth
		t.Errorf("keyed does %.0f/s: the key is not hot", keyed)
	}
	if split < 3*one {
		t.Errorf("splitmerge does %.0f/s, want three times 1 / service at least", split)
	}
	if little < keyed || little > 1.4*one {
		t.Errorf("splitmerge does %.0f/s where a tenth of the work commutes, want little more than keyed's %.0f/s", little, keyed)
	}
}
