package load

import (
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// A pacer of this package defines a rate over time. Record n is due when the integral
// of the rate reaches n. The first record is due at 0, or when the rate first exceeds
// zero. The number of records is the whole integral, rounded up. Each due time lies in
// [0, For).

// slack is the part of a record that rounding up ignores: 1.1/s for 10 s is 11
// records, although the floating-point product is slightly above 11.
const slack = 1e-6

// countRecords is the number of records of an integral.
func countRecords(integral float64) uint64 { return uint64(math.Ceil(integral - slack)) }

// dueAt converts seconds to a due time within [0, end).
func dueAt(seconds float64, end time.Duration) time.Duration {
	return min(time.Duration(math.Round(seconds*1e9)), end-1)
}

// Constant sends Rate records a second for For. It implements [harness.Scalable].
type Constant struct {
	Rate float64 // Rate in records per second, above zero.
	For  time.Duration
}

// At implements [harness.Pacer].
func (c Constant) At(n uint64) (due time.Duration, ok bool) {
	if n >= countRecords(c.Rate*c.For.Seconds()) {
		return 0, false
	}
	return dueAt(float64(n)/c.Rate, c.For), true
}

// Scale sets rate and duration where they are above zero.
func (c Constant) Scale(rate float64, duration time.Duration) harness.Pacer {
	if rate > 0 {
		c.Rate = rate
	}
	if duration > 0 {
		c.For = duration
	}
	return c
}

// Validate refuses values of zero or less.
func (c Constant) Validate() error {
	if err := checkRate("rate", c.Rate); err != nil {
		return err
	}
	return checkDuration("duration", c.For)
}

func (c Constant) String() string { return fmt.Sprintf("%s/s for %v", rateString(c.Rate), c.For) }

// Flood is a number of records that are all due at once: the producer sends as fast as
// it can. It has no rate and no duration, so it is no [harness.Scalable]. It
// implements [harness.Flooder].
type Flood struct {
	Records uint64 // Records is above zero.
}

// At implements [harness.Pacer].
func (f Flood) At(n uint64) (due time.Duration, ok bool) { return 0, n < f.Records }

// Flood is true.
func (f Flood) Flood() bool { return true }

// Validate refuses a flood of no records.
func (f Flood) Validate() error {
	if f.Records == 0 {
		return fmt.Errorf("a flood of 0 records: want more than zero")
	}
	return nil
}

func (f Flood) String() string { return fmt.Sprintf("%d records at once", f.Records) }

// Extent is the number of records of a pacer and the due times of the first and the
// last. It calls the pacer about a hundred times at most.
func Extent(p harness.Pacer) (records uint64, first, last time.Duration) {
	first, ok := p.At(0)
	if !ok {
		return 0, 0, 0
	}
	high := uint64(1)
	for {
		if _, ok := p.At(high); !ok {
			break
		}
		high *= 2
	}
	low := high / 2 // the last record is in [low, high)
	past := sort.Search(int(high-low), func(i int) bool {
		_, ok := p.At(low + uint64(i))
		return !ok
	})
	records = low + uint64(past)
	last, _ = p.At(records - 1)
	return records, first, last
}

func checkRate(what string, rate float64) error {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return fmt.Errorf("%s of %v records a second: want a finite number above zero", what, rate)
	}
	return nil
}

func checkDuration(what string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s of %v: want more than zero", what, d)
	}
	return nil
}

func rateString(rate float64) string { return fmt.Sprintf("%.6g", rate) }

// stretch scales d as a duration that changes from was to is.
func stretch(d, was, is time.Duration) time.Duration {
	return time.Duration(math.Round(float64(d) * (float64(is) / float64(was))))
}

var (
	_ harness.Scalable = Constant{}
	_ harness.Flooder  = Flood{}
)
