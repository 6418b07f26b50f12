//go:build synctests

package bench_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/load"
)

// outageOf lets all work that begins after ten seconds take until the outage is over. The load
// goes on for long enough to see the drain.
func outageOf(outage time.Duration, rate float64, after time.Duration, keys harness.Keys) harness.Scenario {
	const from, work = 10 * time.Second, 10 * time.Millisecond
	s := backlogOf(0, keys)
	s.Load.Pacer = load.Constant{Rate: rate, For: from + outage + after}
	s.Slowdown = harness.Slowdown{From: from, To: from + outage, Factor: float64(outage) / float64(work)}
	return s
}

// measureDrain is how long after the outage the partition had a backlog of more than before it.
// Before it a queue of some records is usual.
func measureDrain(r *harness.Run, s *harness.Scenario, partition int) time.Duration {
	step, backlog := r.Series.Step, r.Series.PartitionBacklog[partition]
	before := slices.Clone(backlog[:s.Slowdown.From/step])
	slices.Sort(before)
	usual := before[len(before)*9/10]
	for i := int(s.Slowdown.To / step); i < len(backlog); i++ {
		if backlog[i] <= usual {
			return time.Duration(i+1)*step - s.Slowdown.To
		}
	}
	return harness.Never
}

// With one hot partition a prediction from the fullest serial unit is right within 10 %, where
// one from all workers would be wrong by far.
func TestDrainIsPredicted(t *testing.T) {
	consumers := []string{"partition"}
	outage := 20 * time.Second
	if os.Getenv("STAMPEDE_BOUNDS") != "" {
		consumers, outage = append(consumers, "keyed", "hashq", "serial"), 60*time.Second
	}
	keys := load.Hot{Fraction: 0.4, Hot: 1, Others: 2000}
	for _, consumer := range consumers {
		for _, share := range []float64{0.7, 0.8, 0.9} {
			t.Run(fmt.Sprintf("%s/%.0f", consumer, 100*share), func(t *testing.T) {
				t.Parallel()
				_, bounds := planBounds(t, outageOf(outage, 1000, time.Minute, keys), consumer, 1)
				b, _ := capacity.Tightest(bounds)
				rate := share * b.Rate
				predicted := capacity.PredictDrain(bounds, rate, capacity.Outage{For: outage})[0]
				s := outageOf(outage, rate, predicted.Took*5/4+10*time.Second, keys)
				system, bounds := planBounds(t, s, consumer, 1)
				predicted = capacity.PredictDrain(bounds, rate, capacity.Outage{For: outage})[0]
				r, err := bench.RunVirtual(t, s, consumer, 1)
				if err != nil {
					t.Fatal(err)
				}
				hot, _ := system.Shape.FullestPartition()
				took := measureDrain(r, &s, hot)
				off := float64(took)/float64(predicted.Took) - 1
				t.Logf("%-10s %3.0f %% of %.0f/s: drained in %v, predicted %v ± %v for %s at %.3f: %+.1f %%; %s %v", consumer, 100*share, b.Rate, took.Round(time.Second),
					predicted.Took.Round(time.Second), predicted.Spread.Round(time.Second), predicted.Resource, predicted.Utilisation, 100*off, r.Status, r.Reasons)
				if off < -0.1 || off > 0.1 {
					t.Errorf("drained in %v, predicted %v", took, predicted.Took)
				}
			})
		}
	}
}
