package chart

import (
	"math"
	"slices"
)

// Kind says how a scale maps its values: linear or by a logarithm.
type Kind string

// The kinds of scales.
const (
	Linear Kind = "linear" // from 0
	Log    Kind = "log"    // values above 0
	// Log1p is logarithmic in 1+v. It shows 0 and five decades at once: one
	// consumer keeps up while another falls far behind.
	Log1p Kind = "log1p"
	// Nines is logarithmic in 1/(1-q), for quantiles q in [0,1): each further
	// nine takes the same room.
	Nines Kind = "nines"
)

// Scale maps values to the unit interval. Make one with [NewScale].
type Scale struct {
	Kind     Kind
	Min, Max float64
}

// NewScale makes a scale that holds all values, its ends rounded outward to 1, 2
// or 5 times a power of ten. Values that the kind cannot show are ignored: NaN,
// infinities, and for Log anything up to 0. Without values the scale is a small
// valid one.
func NewScale(kind Kind, values ...float64) Scale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || kind == Log && v <= 0 {
			continue
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi < lo {
		lo, hi = 1, 10
	}
	switch kind {
	case Log:
		s := Scale{Log, floor125(lo), ceil125(hi)}
		if s.Min == s.Max {
			s.Min, s.Max = s.Min/2, s.Max*2
		}
		return s
	case Log1p:
		return Scale{Log1p, 0, ceil125(max(hi, 1))}
	case Nines:
		return Scale{Nines, 0, min(max(hi, 0.9), 1-1e-9)}
	}
	if hi <= 0 {
		hi = 1
	}
	step := ceil125(hi / 6)
	return Scale{Linear, 0, step * math.Ceil(hi/step-1e-9)}
}

// positionOf is the place of v in [0,1]; values beyond an end are moved to it.
func (s Scale) positionOf(v float64) float64 {
	lo, hi := s.transform(s.Min), s.transform(s.Max)
	return min(1, max(0, (s.transform(min(s.Max, max(s.Min, v)))-lo)/(hi-lo)))
}

// transform maps a value to the linear scale of its kind.
func (s Scale) transform(v float64) float64 {
	switch s.Kind {
	case Log:
		return math.Log10(v)
	case Log1p:
		return math.Log10(1 + v)
	case Nines:
		return -math.Log10(1 - v)
	}
	return v
}

// tickValues are the values to label, ascending.
func (s Scale) tickValues() []float64 {
	var ts []float64
	switch s.Kind {
	case Log, Log1p:
		steps := []float64{1}
		if s.Kind == Log && s.Max/s.Min <= 300 {
			steps = []float64{1, 2, 5}
		}
		for e := -9; e <= 12; e++ {
			for _, m := range steps {
				if t := m * math.Pow10(e); t >= s.Min*(1-1e-9) && t <= s.Max*(1+1e-9) && (s.Kind == Log || e >= 0) {
					ts = append(ts, t)
				}
			}
		}
		if n := len(ts); n > 0 && ts[n-1] < s.Max*(1-1e-9) {
			ts = append(ts, s.Max)
		}
		if s.Kind == Log1p {
			ts = slices.Insert(ts, 0, 0)
		}
	case Nines:
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999} {
			if q <= s.Max {
				ts = append(ts, q)
			}
		}
	default:
		step := ceil125(s.Max / 6)
		for i := 0; float64(i)*step <= s.Max*(1+1e-9); i++ {
			ts = append(ts, float64(i)*step)
		}
	}
	return ts
}

// floor125 is the largest of 1, 2 and 5 times a power of ten up to v.
func floor125(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	for _, m := range []float64{5, 2} {
		if m*p <= v*(1+1e-9) {
			return m * p
		}
	}
	return p
}

// ceil125 is the smallest of 1, 2 and 5 times a power of ten from v.
func ceil125(v float64) float64 {
	f := floor125(v)
	if f >= v*(1-1e-9) {
		return f
	}
	if m := f / math.Pow(10, math.Floor(math.Log10(f)+1e-9)); m > 1.5 && m < 3 {
		return f * 2.5
	}
	return f * 2
}
