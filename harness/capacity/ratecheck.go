package capacity

import "fmt"

const (
	// DefaultTolerance is by how much of a bound a rate may exceed it: both are of a finite run, in
	// which the first and the last records count in part.
	DefaultTolerance = 0.02
	// FarShare is the share of a bound below which a saturated rate is far from it: something
	// limits it that no bound has.
	FarShare = 0.9
)

// AboveBound is the error for a rate above a bound: the bound, the load or the measurement is
// wrong.
type AboveBound struct {
	Bound     Bound
	Measured  float64 // Measured rate, in records/s.
	Tolerance float64 // Tolerance is the share of the bound that the rate may exceed it by.
}

func (e *AboveBound) Error() string {
	return fmt.Sprintf("%s/s were measured, more than %.3g %% above what is %s", formatRate(e.Measured), 100*e.Tolerance, e.Bound)
}

// RateCheck is a rate next to the tightest bound.
type RateCheck struct {
	Bound Bound   `json:"bound"`
	Share float64 `json:"share"` // Share of the bound that was measured.
	// Far: the rate is below [FarShare] of the lowest that chance may make the bound. A rate of a
	// system that was not saturated says nothing by that.
	Far bool `json:"far,omitempty"`
}

// CheckRate compares a rate with bounds. The rate is of a load that was completed to its last
// record, or that a system held without falling behind. The error is an [AboveBound] if the rate
// is above what luck allows by more than the tolerance, a share of the bound. Without a bound the
// check is empty.
func CheckRate(bounds []Bound, measured, tolerance float64) (RateCheck, error) {
	for _, b := range bounds {
		if b.Void == "" && measured > b.Most*(1+tolerance) {
			return RateCheck{Bound: b, Share: measured / b.Rate}, &AboveBound{b, measured, tolerance}
		}
	}
	b, ok := Tightest(bounds)
	if !ok {
		return RateCheck{}, nil
	}
	return RateCheck{Bound: b, Share: measured / b.Rate, Far: measured < FarShare*min(b.Rate, b.Least)}, nil
}

// String is "96 % of 500/s, bound by the hot key: ...".
func (c RateCheck) String() string {
	if c.Bound.Name == "" {
		return "no bound applies"
	}
	return fmt.Sprintf("%s of %s/s, %s", percent(c.Share), formatRate(c.Bound.Rate), c.Bound)
}
