package load

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// SlowedTime is the service time of work that begins so long after the start of the
// load.
func SlowedTime(s harness.Slowdown, service, at time.Duration) time.Duration {
	if s.Factor == 0 || at < s.From || at >= s.To {
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
	return fmt.Sprintf("%.4g times as long from %v to %v", s.Factor, s.From, s.To)
}
