package load

import (
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Ramp sends at a rate that changes linearly from From to To over For. It implements
// [harness.Scalable].
type Ramp struct {
	From, To float64 // From and To in records per second; one of them may be 0.
	For      time.Duration
}

// At implements [harness.Pacer]. The integral of the rate up to t is
// From t + (To - From) t^2 / 2 For. This form of the quadratic formula subtracts no
// nearly equal numbers, and holds for a constant rate too.
func (r Ramp) At(n uint64) (due time.Duration, ok bool) {
	if n >= countRecords((r.From+r.To)/2*r.For.Seconds()) {
		return 0, false
	}
	if n == 0 {
		return 0, true
	}
	slope := (r.To - r.From) / r.For.Seconds()
	root := math.Sqrt(max(0, r.From*r.From+2*slope*float64(n)))
	return dueAt(2*float64(n)/(r.From+root), r.For), true
}

// Scale sets the rate at the end, the rate at the start in proportion, and the
// duration. Zero changes nothing. In a ramp down to zero, rate is the rate at the start.
func (r Ramp) Scale(rate float64, duration time.Duration) harness.Pacer {
	if rate > 0 && r.To > 0 {
		r.From, r.To = r.From*rate/r.To, rate
	} else if rate > 0 {
		r.From = rate
	}
	if duration > 0 {
		r.For = duration
	}
	return r
}

// Validate refuses negative rates, a ramp from zero to zero, and a duration of
// zero or less.
func (r Ramp) Validate() error {
	if r.From != 0 || r.To == 0 {
		if err := checkRate("rate at the start", r.From); err != nil {
			return err
		}
	}
	if r.To != 0 {
		if err := checkRate("rate at the end", r.To); err != nil {
			return err
		}
	}
	return checkDuration("duration", r.For)
}

func (r Ramp) String() string {
	return fmt.Sprintf("from %s/s to %s/s over %v", rateString(r.From), rateString(r.To), r.For)
}

var _ harness.Scalable = Ramp{}
