package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestLatticeHasItsEndsAndNoLoadTwice makes random axes of both directions.
func TestLatticeHasItsEndsAndNoLoadTwice(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 4))
		a := Axis{Integer: seed%3 == 0, Demand: seed%2 == 0, Least: math.Exp(6 * r.NormFloat64())}
		a.Most = a.Least * (1 + 30*r.Float64()*r.Float64())
		if a.Integer {
			a.Least, a.Most = 1+math.Floor(200*r.Float64()), 201+math.Floor(200*r.Float64())
		}
		width := leastWidth + r.Float64()*r.Float64()
		l := newLattice(a, a.Least*(0.5+40*r.Float64()), 1.25, width)
		if first, last := l.loadAt(l.least), l.loadAt(l.most); min(first, last) != a.Least || max(first, last) != a.Most {
			t.Errorf("seed %d: %+v goes from %v to %v", seed, a, first, last)
		}
		for p := l.least; p < l.most; p++ {
			easier, harder := l.loadAt(p), l.loadAt(p+1)
			if !a.IsHarder(harder, easier) {
				t.Errorf("seed %d: %+v: %v comes after %v", seed, a, harder, easier)
			}
			if ratio := math.Abs(math.Log(harder / easier)); !a.Integer && ratio > math.Log1p(width)+2e-3 {
				t.Errorf("seed %d: %+v: from %v to %v is wider than %v", seed, a, easier, harder, width)
			}
			if next := l.bracketFrom(p, true); next <= p || next > l.most {
				t.Errorf("seed %d: %+v: a bracket from %d to %d", seed, a, p, next)
			}
			if next := l.bracketFrom(p+1, false); next > p || next < l.least {
				t.Errorf("seed %d: %+v: a bracket from %d to %d", seed, a, p+1, next)
			}
		}
	}
}
