package load

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// CurveStep is a time with one rate.
type CurveStep struct {
	For  time.Duration // For is above zero.
	Rate float64       // Rate in records per second, 0 for a pause.
}

// curve sends at the rates of its steps, one after the other. It implements [harness.Scalable].
type curve struct {
	steps []CurveStep
	ends  []float64 // ends has the integral of the rate up to the end of each step.
}

// NewCurve is a schedule of steps. The rate for [harness.Scalable] is that of the highest step; a
// new duration stretches all steps. It returns an error for steps without records.
func NewCurve(steps []CurveStep) (harness.Pacer, error) {
	c := newCurve(slices.Clone(steps))
	return c, c.Validate()
}

func newCurve(steps []CurveStep) *curve {
	c := &curve{steps: steps}
	sum := 0.0
	for _, s := range steps {
		sum += s.Rate * s.For.Seconds()
		c.ends = append(c.ends, sum)
	}
	return c
}

// length is the whole duration.
func (c *curve) length() (sum time.Duration) {
	for _, s := range c.steps {
		sum += s.For
	}
	return sum
}

// peak is the rate of the highest step.
func (c *curve) peak() (rate float64) {
	for _, s := range c.steps {
		rate = max(rate, s.Rate)
	}
	return rate
}

// At implements [harness.Pacer].
func (c *curve) At(n uint64) (due time.Duration, ok bool) {
	i := sort.Search(len(c.ends), func(i int) bool { return float64(n) < c.ends[i]-slack })
	if i == len(c.ends) {
		return 0, false
	}
	from, before := time.Duration(0), 0.0
	for _, s := range c.steps[:i] {
		from += s.For
	}
	if i > 0 {
		before = c.ends[i-1]
	}
	in := max(0, float64(n)-before) / c.steps[i].Rate
	return dueAt(from.Seconds()+in, from+c.steps[i].For), true
}

// Scale sets the rate of the highest step, and all others in proportion. It stretches all steps
// to the new duration. Zero changes nothing.
func (c *curve) Scale(rate float64, duration time.Duration) harness.Pacer {
	steps, peak, length := slices.Clone(c.steps), c.peak(), c.length()
	from, to := time.Duration(0), time.Duration(0)
	for i, s := range steps {
		if rate > 0 {
			steps[i].Rate *= rate / peak
		}
		if duration > 0 {
			from += s.For
			end := stretch(from, length, duration)
			steps[i].For, to = end-to, end
		}
	}
	return newCurve(steps)
}

// Validate refuses times of zero or less, rates below zero, and a curve without records.
func (c *curve) Validate() error {
	for i, s := range c.steps {
		if err := checkDuration(fmt.Sprintf("duration of step %d", i), s.For); err != nil {
			return err
		}
		if s.Rate != 0 {
			if err := checkRate(fmt.Sprintf("rate of step %d", i), s.Rate); err != nil {
				return err
			}
		}
	}
	if len(c.ends) == 0 || countRecords(c.ends[len(c.ends)-1]) == 0 {
		return fmt.Errorf("a curve of %d steps without a record", len(c.steps))
	}
	return nil
}

func (c *curve) String() string {
	length := c.length()
	return fmt.Sprintf("%s/s on average for %v, at most %s/s, in %d steps",
		rateString(c.ends[len(c.ends)-1]/length.Seconds()), length.Round(time.Millisecond), rateString(c.peak()), len(c.steps))
}

var _ harness.Scalable = (*curve)(nil)
