package load

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Slowing is the slowdown of one repeat.
type Slowing struct {
	s    harness.Slowdown
	base uint64 // base is where the hash of this repeat starts.
}

// NewSlowing returns the slowdown of a repeat.
func NewSlowing(s harness.Slowdown, seed uint64, repeat int) Slowing {
	return Slowing{s, pickBase(seed, repeat)}
}

// Slows reports whether any work is slow.
func (w Slowing) Slows() bool { return w.s.Factor != 0 }

// SlowedTime is the service time of the work on a record that begins so long after the
// start of the load.
func (w Slowing) SlowedTime(service time.Duration, key, seq uint32, at time.Duration) time.Duration {
	s := w.s
	if s.Factor == 0 || at < s.From || at >= s.To {
		return service
	}
	if s.Fraction > 0 && !isPicked(w.base, 4, s.Fraction, key, seq) {
		return service
	}
	return time.Duration(float64(service) * s.Factor)
}

// CheckSlowdown refuses a slowdown that does not slow, or does not end within a load of
// this length.
func CheckSlowdown(s harness.Slowdown, length time.Duration) error {
	switch {
	case s == harness.Slowdown{}:
		return nil
	case !(s.Factor >= 1):
		return fmt.Errorf("a slowdown by a factor of %v: want 1 and more", s.Factor)
	case s.From < 0 || s.To <= s.From:
		return fmt.Errorf("a slowdown from %v to %v: want it to end after its start", s.From, s.To)
	case s.To > length:
		return fmt.Errorf("a slowdown until %v ends after the load of %v: make the load longer", s.To, length.Round(10*time.Millisecond))
	}
	return nil
}

// DescribeSlowdown describes a slowdown for a report, "" if there is none.
func DescribeSlowdown(s harness.Slowdown) string {
	if s.Factor == 0 {
		return ""
	}
	if s.Fraction > 0 {
		return fmt.Sprintf("%.4g times as long for %.4g %% of records from %v to %v", s.Factor, 100*s.Fraction, s.From, s.To)
	}
	return fmt.Sprintf("%.4g times as long from %v to %v", s.Factor, s.From, s.To)
}
