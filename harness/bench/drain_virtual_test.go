//go:build synctests

package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/fault"
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
func measureDrain(r *harness.Run, from, to time.Duration, partition int) time.Duration {
	step, backlog := r.Series.Step, r.Series.PartitionBacklog[partition]
	before := slices.Clone(backlog[:from/step])
	slices.Sort(before)
	usual := before[len(before)*9/10]
	for i := int(to / step); i < len(backlog); i++ {
		if backlog[i] <= usual {
			return time.Duration(i+1)*step - to
		}
	}
	return harness.Never
}

// hotPartition has 40 % of the records on one key.
var hotPartition = load.Hot{Fraction: 0.4, Hot: 1, Others: 2000}

// saturate is which share of its tightest bound a design reaches with a standing backlog.
func saturate(t *testing.T, consumer string) float64 {
	t.Helper()
	s := backlogOf(2000, hotPartition)
	r, err := bench.RunVirtual(t, s, consumer, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, bounds := planBounds(t, s, consumer, 1)
	checked, err := capacity.CheckRate(bounds, r.Completed, capacity.DefaultTolerance)
	if err != nil {
		t.Fatal(err)
	}
	return min(1, checked.Share)
}

// checkDrain makes the run of a scenario and compares its drain with the prediction.
func checkDrain(t *testing.T, s harness.Scenario, consumer string, predict func(*harness.Run) capacity.Drain, measure func(*harness.Run, int) time.Duration) {
	t.Helper()
	r, err := bench.RunVirtual(t, s, consumer, 1)
	if err != nil {
		t.Fatal(err)
	}
	system, _ := planBounds(t, s, consumer, 1)
	hot, _ := system.Shape.FullestPartition()
	took, predicted := measure(r, hot), predict(r)
	off := float64(took)/float64(predicted.Took) - 1
	t.Logf("%-10s %s at %.3f: drained in %v, predicted %v ± %v (%v to %v by luck): %+.1f %%; %s %v", consumer, predicted.Resource, predicted.Utilisation,
		took.Round(time.Second), predicted.Took.Round(time.Second), predicted.Spread.Round(time.Second),
		predicted.Soonest.Round(time.Second), predicted.Latest.Round(time.Second), 100*off, r.Status, r.Reasons)
	late := predicted.Latest != harness.Never && float64(took) > 1.1*float64(predicted.Latest)
	if took == harness.Never || float64(took) < 0.9*float64(predicted.Soonest) || late {
		t.Errorf("drained in %v, predicted %v", took, predicted.Took)
	}
}

// With one hot partition a prediction from the fullest serial unit is right within 10 %, where
// one from all workers would be wrong by far.
func TestDrainIsPredicted(t *testing.T) {
	consumers := []string{"partition"}
	if wide {
		consumers = append(consumers, "keyed", "hashq", "serial")
	}
	const outage = 20 * time.Second
	for _, consumer := range consumers {
		for _, share := range []float64{0.7, 0.8, 0.9} {
			t.Run(fmt.Sprintf("%s/%.0f", consumer, 100*share), func(t *testing.T) {
				t.Parallel()
				reached := saturate(t, consumer)
				_, bounds := planBounds(t, outageOf(outage, 1000, time.Minute, hotPartition), consumer, 1)
				b, _ := capacity.Tightest(bounds)
				rate, o := share*reached*b.Rate, capacity.Outage{For: outage}
				longest := time.Duration(float64(outage) * share / (1 - share))
				s := outageOf(outage, rate, longest*5/4+10*time.Second, hotPartition)
				predict := func(*harness.Run) capacity.Drain {
					_, planned := planBounds(t, s, consumer, 1)
					full, _ := capacity.Tightest(planned)
					return capacity.PredictDrain(capacity.WithMeasured(planned, reached*full.Rate), rate, o)[0]
				}
				checkDrain(t, s, consumer, predict, func(r *harness.Run, hot int) time.Duration {
					return measureDrain(r, s.Slowdown.From, s.Slowdown.To, hot)
				})
			})
		}
	}
}

// All pods are killed and come back. The gap is what the run had: until the last record before it
// and from the first one after it.
func TestDrainAfterTheLossOfAllPodsIsPredicted(t *testing.T) {
	const at, back = 10 * time.Second, 4 * time.Second
	s := backlogOf(0, hotPartition)
	_, bounds := planBounds(t, outageOf(time.Second, 1000, time.Minute, hotPartition), "partition", 1)
	b, _ := capacity.Tightest(bounds)
	rate := 0.8 * b.Rate
	s.Load.Pacer = load.Constant{Rate: rate, For: at + 90*time.Second}
	s.Session = 6 * time.Second
	for range s.Pods {
		s.Injections = append(s.Injections, harness.Injection{Fault: fault.KillPod{}, At: at, HealSessions: 1, HealAfter: back})
	}
	var gap time.Duration
	predict := func(r *harness.Run) capacity.Drain {
		_, planned := planBounds(t, s, "partition", 1)
		return capacity.PredictDrain(planned, rate, capacity.Outage{For: gap})[0]
	}
	checkDrain(t, s, "partition", predict, func(r *harness.Run, hot int) time.Duration {
		gap = r.Faults[0].LongestGap
		t.Logf("the gap is %v: the session, %v until the pods start, and the rebalance", gap, back)
		return measureDrain(r, at, at+gap, hot)
	})
}
