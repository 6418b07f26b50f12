package capacity

import (
	"math"
	"time"
)

// CapacityToRecover is the rate that a system must hold to clear the backlog of an outage within a
// time. The load goes on at rate meanwhile. Where a serial unit has a bound below it, no number of
// pods is enough: see [Tightest].
func CapacityToRecover(rate float64, o Outage, within time.Duration) float64 {
	if within <= 0 {
		return math.Inf(1)
	}
	return rate * (1 + o.Gap().Seconds()/within.Seconds())
}

// PodsToHold is the least number of pods for a rate where a pod holds podRate. The utilisation, in
// (0,1], is the one that a promise was measured to allow. 0: the arguments mean nothing.
func PodsToHold(rate, podRate, utilisation float64) int {
	if !(podRate > 0 && utilisation > 0) || math.IsInf(rate, 1) {
		return 0
	}
	return int(math.Ceil(rate/(podRate*utilisation) - 1e-9))
}
