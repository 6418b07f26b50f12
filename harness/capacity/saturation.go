package capacity

import (
	"errors"
	"fmt"
	"time"
)

// Saturation is the rate at which a standing backlog drains: what a system completes if
// it never waits for a record. It promises nothing about latency.
type Saturation struct {
	Rate float64       `json:"rate_per_s"` // Rate from the time at which a tenth was completed until nine tenths were.
	From time.Duration `json:"from_ns"`    // From and To are these times.
	To   time.Duration `json:"to_ns"`
	// Early and Late are the rates before and after half of the backlog was completed.
	Early float64 `json:"early_per_s"`
	Late  float64 `json:"late_per_s"`
}

// Narrowed says that the late half drained at under nine tenths of the early rate: some
// keys or partitions were empty before others. Then Rate depends on the size of the
// backlog, and the bound of the fullest one tells more.
func (s Saturation) Narrowed() bool { return s.Late < 0.9*s.Early }

// leastDrained is how many steps a drain must last, so that its ends do not matter.
const leastDrained = 10

// MeasureSaturation takes the completed rate of each step, in records a second, from the
// time at which the backlog stands and the consumers may work. The first and the last
// tenth of the records count for nothing: there, members join and partitions run dry.
func MeasureSaturation(step time.Duration, completed []float64) (s Saturation, err error) {
	if step <= 0 {
		return s, errors.New("a series without a step")
	}
	total := 0.0
	for i, rate := range completed {
		if !(rate >= 0) {
			return s, fmt.Errorf("step %d completed %v records/s: want none below zero", i, rate)
		}
		total += rate
	}
	if total == 0 {
		return s, errors.New("no record of the backlog was completed")
	}
	first, middle, last := timeOfShare(completed, 0.1*total), timeOfShare(completed, 0.5*total), timeOfShare(completed, 0.9*total)
	if last-first < leastDrained {
		return s, fmt.Errorf("a backlog that drained within %.3g steps of %v: want %d or more", last-first, step, leastDrained)
	}
	s.Rate = 0.8 * total / (last - first)
	s.Early, s.Late = 0.4*total/(middle-first), 0.4*total/(last-middle)
	s.From, s.To = time.Duration(first*float64(step)), time.Duration(last*float64(step))
	return s, nil
}

// timeOfShare is after how many steps the sum of the rates reached a share of it.
func timeOfShare(rates []float64, share float64) float64 {
	sum := 0.0
	for i, rate := range rates {
		if sum+rate >= share && rate > 0 {
			return float64(i) + (share-sum)/rate
		}
		sum += rate
	}
	return float64(len(rates))
}
