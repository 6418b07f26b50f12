package capacity

import (
	"errors"
	"fmt"
	"math"
)

// Axis is what a search varies. Loads on it are ordered by how hard they are: on the
// axis of a rate more is harder, on one of resources less is.
type Axis struct {
	Unit    string `json:"unit"` // Unit is for texts, as "records/s" or "pods".
	Integer bool   `json:"integer"`
	// Demand is an axis of resources: the search is for the least that holds the goals,
	// and fewer are harder. Without it the search is for the most.
	Demand bool    `json:"demand"`
	Least  float64 `json:"least"` // Least and Most are the smallest and the largest load to try, by number.
	Most   float64 `json:"most"`
}

func (a Axis) validate() error {
	switch {
	case !(a.Least > 0) || math.IsInf(a.Most, 0) || math.IsNaN(a.Most):
		return fmt.Errorf("loads from %v to %v: want finite numbers above zero", a.Least, a.Most)
	case a.Least > a.Most:
		return fmt.Errorf("loads from %v to %v %s: an empty range", a.Least, a.Most, a.Unit)
	case a.Integer && (a.Least != math.Trunc(a.Least) || a.Most != math.Trunc(a.Most)):
		return errors.New("loads that are integers begin and end with integers")
	}
	return nil
}

// IsHarder says whether load a is harder to hold than load b.
func (a Axis) IsHarder(load, than float64) bool {
	if a.Demand {
		return load < than
	}
	return load > than
}

// leastWidth keeps the loads of a lattice apart after they are rounded.
const leastWidth = 0.005

// lattice is the axis as integer positions: a larger position is harder. On a real axis
// neighbours differ by a constant ratio, and the bracket factor is a whole number of
// steps. So bounds are compared without rounding, and both goals meet at the same loads.
type lattice struct {
	axis        Axis
	start       float64 // start is the load at position 0 of a real axis.
	step        float64 // step is the ratio of neighbours on a real axis.
	bracket     float64
	least, most int // least and most are the easiest and the hardest position.
	origin      int // origin is the position of the start.
}

// newLattice needs a valid axis and a finest width.
func newLattice(a Axis, start, bracket, width float64) *lattice {
	l := &lattice{axis: a, bracket: bracket, start: min(max(start, a.Least), a.Most)}
	if a.Integer {
		l.start = math.Round(l.start)
		l.least, l.most, l.origin = int(a.Least), int(a.Most), int(l.start)
		if a.Demand {
			l.least, l.most, l.origin = -l.most, -l.least, -l.origin
		}
		return l
	}
	n := math.Ceil(math.Log(bracket)/math.Log1p(width) - 1e-9)
	l.step = math.Pow(bracket, 1/n)
	below := int(math.Ceil(math.Log(l.start/a.Least)/math.Log(l.step) - 1e-9))
	above := int(math.Ceil(math.Log(a.Most/l.start)/math.Log(l.step) - 1e-9))
	l.least, l.most = -below, above
	if a.Demand {
		l.least, l.most = -above, below
	}
	for l.most > 0 && l.loadAt(l.most) == l.loadAt(l.most-1) { // the last step to an end may be a tiny one
		l.most--
	}
	for l.least < 0 && l.loadAt(l.least) == l.loadAt(l.least+1) {
		l.least++
	}
	return l
}

// loadAt is the load at position p, of four digits, or an end of the range.
func (l *lattice) loadAt(p int) float64 {
	smallest, largest := l.least, l.most
	if l.axis.Demand {
		p, smallest, largest = -p, -l.most, -l.least
	}
	switch {
	case l.axis.Integer:
		return float64(p)
	case p == largest:
		return l.axis.Most
	case p == smallest:
		return l.axis.Least
	}
	load := l.start * math.Pow(l.step, float64(p))
	unit := math.Pow(10, math.Floor(math.Log10(load))-3)
	load = math.Round(load/unit) * unit
	if unit < 1 { // a division is exact where the product of a fraction is not
		load = math.Round(load*math.Round(1/unit)) / math.Round(1/unit)
	}
	return min(max(load, l.axis.Least), l.axis.Most)
}

// widthSteps is how many steps lie within a width.
func (l *lattice) widthSteps(width float64) int {
	if l.axis.Integer {
		return int(width)
	}
	return max(1, int(math.Log1p(width)/math.Log(l.step)+1e-9))
}

// bracketFrom is the next position to try beyond p: the bracket factor away, and further
// the further p is from the start, so that a start far off costs few trials.
func (l *lattice) bracketFrom(p int, harder bool) int {
	sign := 1
	if !harder {
		sign = -1
	}
	var to int
	if l.axis.Integer {
		load := math.Abs(float64(p))
		factor := max(l.bracket, load/l.start, l.start/load)
		if harder == l.axis.Demand {
			factor = 1 / factor
		}
		steps := int(math.Round(math.Abs(load*factor - load)))
		to = p + sign*max(1, steps)
	} else {
		n := int(math.Round(math.Log(l.bracket) / math.Log(l.step)))
		to = p + sign*max(n, max(p, -p))
	}
	return min(max(to, l.least), l.most)
}
