package load

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Step sends Base records a second for For, except in a burst: it starts after After,
// lasts for Length, and sends Burst records a second. It implements [harness.Scalable].
type Step struct {
	Base   float64       // Base is in records per second; 0 sends records in the burst only.
	Burst  float64       // Burst is in records per second, above zero.
	After  time.Duration // After is when the burst starts.
	Length time.Duration // Length of the burst, above zero.
	For    time.Duration // For is the whole duration, with the burst.
}

// segment is a part of a schedule with a constant rate.
type segment struct {
	from, length time.Duration
	rate         float64
}

func (g segment) integral() float64 { return g.rate * g.length.Seconds() }

func (s Step) segments() [3]segment {
	end := s.After + s.Length
	return [3]segment{{0, s.After, s.Base}, {s.After, s.Length, s.Burst}, {end, s.For - end, s.Base}}
}

// At implements [harness.Pacer].
func (s Step) At(n uint64) (due time.Duration, ok bool) {
	sum := 0.0 // the integral up to the segment
	for _, g := range s.segments() {
		next := sum + g.integral()
		if float64(n) < next-slack {
			in := max(0, float64(n)-sum) / g.rate
			return dueAt(g.from.Seconds()+in, g.from+g.length), true
		}
		sum = next
	}
	return 0, false
}

// Scale sets the rate of the burst, and the base rate in proportion. It stretches all
// times to the new duration. Zero changes nothing.
func (s Step) Scale(rate float64, duration time.Duration) harness.Pacer {
	if rate > 0 {
		s.Base, s.Burst = s.Base*rate/s.Burst, rate
	}
	if duration > 0 {
		s.After, s.Length = stretch(s.After, s.For, duration), stretch(s.Length, s.For, duration)
		s.For, s.Length = duration, min(s.Length, duration-s.After) // both may have been rounded up
	}
	return s
}

// Validate refuses an empty burst, and a burst outside of the duration.
func (s Step) Validate() error {
	if err := checkRate("burst", s.Burst); err != nil {
		return err
	}
	if s.Base != 0 {
		if err := checkRate("base rate", s.Base); err != nil {
			return err
		}
	}
	if err := checkDuration("length of the burst", s.Length); err != nil {
		return err
	}
	if s.After < 0 || s.After+s.Length > s.For {
		return fmt.Errorf("burst from %v to %v: want it within the duration of %v", s.After, s.After+s.Length, s.For)
	}
	return nil
}

func (s Step) String() string {
	return fmt.Sprintf("%s/s for %v, with %s/s from %v to %v",
		rateString(s.Base), s.For, rateString(s.Burst), s.After, s.After+s.Length)
}

var _ harness.Scalable = Step{}
