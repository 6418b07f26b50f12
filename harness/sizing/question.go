package sizing

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
)

// Seek is what a search looks for.
type Seek string

// SeekRate looks for the highest rate that the given pods hold: the capacity. The others look for
// the fewest pods, workers of a pod, or partitions that hold the rate of the scenario: the demand.
const (
	SeekRate       Seek = "rate"
	SeekPods       Seek = "pods"
	SeekWorkers    Seek = "workers"
	SeekPartitions Seek = "partitions"
)

// Seeks are all of them.
var Seeks = []Seek{SeekRate, SeekPods, SeekWorkers, SeekPartitions}

// Unit is the unit of the loads of a search.
func (k Seek) Unit() string {
	if k == SeekRate {
		return "records/s"
	}
	return string(k)
}

// Question is what a search answers: what one consumer holds in one scenario.
type Question struct {
	// Scenario has overrides and defaults applied. Its pacer is a [harness.Scalable], and its objectives
	// are those of a trial.
	Scenario harness.Scenario
	Consumer harness.Selection
	Backend  harness.Backend
	Seek     Seek
	Seed     uint64
	Setup    []harness.Setting // Setup is for the report alone: what a sweep set.
	Lengths  Lengths
	Width    float64 // Width is how close the bounds of the answer must be, as [capacity.Goal.Width].
	Least    float64 // Least and Most end the range of loads. 0: a hundredth of the bound, and four times it; from 1 to 500 pods.
	Most     float64
	Budget   capacity.Budget // Budget is in real time.
	Parallel int             // Parallel is how many trials run at a time. 0: 1.
}

// Lengths are the lengths of trials, without their warm-up.
type Lengths struct {
	Short time.Duration // Short trials search.
	Full  time.Duration // Full trials confirm an answer.
}

// Rate is the mean rate of the scenario's load in records/s.
func (q *Question) Rate() float64 { return meanRate(q.Scenario.Load.Pacer) }

// axis is what the search varies.
func (q *Question) axis(tightest float64) capacity.Axis {
	a := capacity.Axis{Unit: q.Seek.Unit(), Least: q.Least, Most: q.Most}
	if q.Seek == SeekRate {
		if tightest == 0 { // no bound applies to the design
			tightest = 25 * q.Rate()
		}
		setDefault(&a.Least, max(1, tightest/100))
		setDefault(&a.Most, 4*tightest)
		return a
	}
	a.Integer, a.Demand = true, true
	setDefault(&a.Least, 1)
	setDefault(&a.Most, map[Seek]float64{SeekPods: mostPods, SeekWorkers: mostWorkers, SeekPartitions: mostPartitions}[q.Seek])
	return a
}

// The ends of ranges that a question leaves open.
const (
	mostPods       = 500
	mostWorkers    = 10_000
	mostPartitions = 1_000
)

func setDefault(field *float64, value float64) {
	if *field == 0 {
		*field = value
	}
}

// scenarioAt is the scenario of a trial.
func (q *Question) scenarioAt(load float64, length time.Duration) (harness.Scenario, error) {
	s := q.Scenario
	s.MayOverload = true
	o := engine.Overrides{Duration: s.Warmup + length}
	switch q.Seek {
	case SeekRate:
		o.Rate = load
	case SeekPods:
		o.Pods = int(load)
	case SeekWorkers:
		o.Workers = int(load)
	case SeekPartitions:
		o.Partitions = int(load)
	default:
		return s, fmt.Errorf("seek %q: want one of %v", q.Seek, Seeks)
	}
	return o.Apply(s)
}

const (
	// virtualSpeed is about how many records a second a run in virtual time completes, and
	// virtualPace about how many seconds of calm pass in one.
	virtualSpeed = 15_000
	virtualPace  = 30
	// settleCost is what a run takes in real time besides its load.
	settleCost = 8 * time.Second
)

// costOf is about what a trial near this rate takes in real time.
func (q *Question) costOf(rate float64) func(time.Duration) time.Duration {
	if q.Seek != SeekRate {
		rate = q.Rate()
	}
	return func(length time.Duration) time.Duration {
		length += q.Scenario.Warmup
		if !harness.IsVirtual(q.Backend) {
			return length + settleCost
		}
		return time.Duration(max(float64(length)/virtualPace, rate*length.Seconds()/virtualSpeed*float64(time.Second)))
	}
}
