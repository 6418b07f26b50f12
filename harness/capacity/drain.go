package capacity

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Outage is a time in which no work is done while the load goes on.
type Outage struct {
	For time.Duration // For is how long the work or the pods are out.
	// Detect and Rebalance follow where partitions get new owners: until the group removes a
	// member, and until the next owners begin. Both are 0 where the members stay.
	Detect, Rebalance time.Duration
}

// Gap is how long no work is done.
func (o Outage) Gap() time.Duration { return o.For + o.Detect + o.Rebalance }

// Drain is the time that a resource takes to clear what an outage has left, while the load
// goes on.
type Drain struct {
	Resource    string  `json:"resource"`
	Utilisation float64 `json:"utilisation"` // Utilisation before the outage.
	Backlog     float64 `json:"backlog"`     // Backlog of the resource at the end of the outage, in records.
	// Took counts from the end of the outage. harness.Never: the resource is full without an
	// outage, so its backlog never ends.
	Took time.Duration `json:"took_ns"`
	// Soonest and Latest are Took with the best and the worst luck where chance decides what shares
	// the resource, see [Bound].Most. Without chance they are Took.
	Soonest time.Duration `json:"soonest_ns"`
	Latest  time.Duration `json:"latest_ns"`
	// Spread is the standard deviation of Took, as the records of a random key come at random
	// times.
	Spread time.Duration `json:"spread_ns,omitempty"`
}

// PredictDrain is the drain of each bound's resource under a rate, the last resource first: gap x
// rho / (1 - rho), four times the gap at 80 % and nine times at 90 %. So the fullest partition or
// key is last, by far, however idle the rest is. A resource that does not reach its bound drains
// more slowly: use bounds with what was measured, see [WithMeasured].
func PredictDrain(bounds []Bound, rate float64, o Outage) []Drain {
	var drains []Drain
	for _, b := range bounds {
		if b.Void == "" {
			drains = append(drains, b.drainAfter(rate, o.Gap()))
		}
	}
	slices.SortStableFunc(drains, func(a, b Drain) int { return cmp.Compare(b.Utilisation, a.Utilisation) })
	return drains
}

// drainAfter is the drain of one resource. Work arrives in proportion to the time that a record
// keeps the resource busy. Its variance is that of a compound process: arrivals of a key at
// random among all, and the work of each.
func (b Bound) drainAfter(rate float64, gap time.Duration) Drain {
	rho := b.Utilisation(rate)
	d := Drain{
		Resource: b.Resource, Utilisation: rho, Backlog: rate * b.Share * gap.Seconds(),
		Took: drainOf(gap, rho), Soonest: drainOf(gap, rate/b.Most), Latest: drainOf(gap, rate/b.Least),
	}
	if b.Share > 0 && rho < 1 {
		busy := 1 / (b.Rate * b.Share) // seconds of the resource a record
		d.Spread = inSeconds(math.Sqrt(busy*rho*(gap+d.Took).Seconds()*b.Variation) / (1 - rho))
	}
	return d
}

// drainOf is how long a resource at a utilisation takes to clear the backlog of a gap.
func drainOf(gap time.Duration, rho float64) time.Duration {
	if rho >= 1 {
		return harness.Never
	}
	return inSeconds(gap.Seconds() * rho / (1 - rho))
}

// WithMeasured are bounds in which the tightest has the rate that was measured in saturation,
// and its luck in proportion. A rate above it changes nothing.
func WithMeasured(bounds []Bound, rate float64) []Bound {
	bounds = slices.Clone(bounds)
	tightest, ok := Tightest(bounds)
	if !ok || rate <= 0 || rate > tightest.Rate {
		return bounds
	}
	for i := range bounds {
		if b := &bounds[i]; b.Name == tightest.Name {
			part := rate / tightest.Rate
			b.Rate, b.Least, b.Most = rate, part*b.Least, part*b.Most
		}
	}
	return bounds
}

// Loss is what remains of a promise after a pod or a broker was lost.
type Loss struct {
	Tightest Bound `json:"tightest"` // Tightest bound of what is left.
	// Headroom is the share of the tightest bound that the rate leaves, negative where the rest
	// cannot hold the rate.
	Headroom float64 `json:"headroom"`
	// Gap is how long the partitions of the lost part stand still, and Drain how long after that
	// their backlog lasts in the worst case: where the fullest resource is among them.
	Gap   time.Duration `json:"gap_ns"`
	Drain Drain         `json:"drain"`
}

// PredictLoss is the loss where the rest has these bounds: those of one pod fewer for a lost
// pod, and the same as before for a broker whose partitions get other leaders. ok is false
// where no bound applies.
func PredictLoss(rest []Bound, rate float64, o Outage) (l Loss, ok bool) {
	tightest, ok := Tightest(rest)
	if !ok {
		return l, false
	}
	return Loss{
		Tightest: tightest, Headroom: 1 - tightest.Utilisation(rate),
		Gap: o.Gap(), Drain: tightest.drainAfter(rate, o.Gap()),
	}, true
}

// DrainByPartition is when each partition is drained: with its fullest unit, or with the backlog
// of all workers if that lasts longer. Its unit is the partition itself for a design that works on
// one record of it at a time, or its hottest key. It is nil for other designs: their partitions
// share workers or queues, and are drained together. A partition without records has an empty
// drain.
func DrainByPartition(y System, rate float64, o Outage) []Drain {
	drains := make([]Drain, len(y.Shape.Partitions))
	workers := y.boundWorkers()
	if y.Design.Serial.Unit == harness.SerialPartition && y.activePods()*y.Design.Workers >= len(drains) {
		workers.Rate = math.Inf(1) // each partition has a worker of its own
	}
	add := func(p int, name string, u UnitLoad) {
		if b := y.boundSerial(BoundPartition, name, certainly(u)); b.Name != "" {
			if workers.Rate < b.Rate {
				b = workers
			}
			drains[p] = b.drainAfter(rate, o.Gap())
		}
	}
	switch y.Design.Serial.Unit {
	case harness.SerialPartition:
		for p, u := range y.Shape.Partitions {
			add(p, nameOf("partition", p), u)
		}
	case harness.SerialKey:
		for _, k := range slices.Backward(y.Shape.Keys) { // the key with the most work comes last
			add(int(k.Partition), nameOf("key", int(k.Key)), k.UnitLoad)
		}
	default:
		return nil
	}
	return drains
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
