package reports

import (
	"math"
	"slices"

	"github.com/stampede-bench/stampede/harness"
)

// spread is a value over the repeats of a cell. The zero value has no runs.
type spread struct {
	n                int
	median, min, max float64
}

// spreadOf collects a value of each run; runs for which ok is false have no value.
func spreadOf(runs []*harness.Run, of func(*harness.Run) (v float64, ok bool)) spread {
	var vs []float64
	for _, r := range runs {
		if v, ok := of(r); ok && !math.IsNaN(v) {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return spread{}
	}
	slices.Sort(vs)
	half := len(vs) / 2
	median := vs[half]
	if len(vs)%2 == 0 && vs[half-1] != vs[half] {
		median = (vs[half-1] + vs[half]) / 2
	}
	return spread{len(vs), median, vs[0], vs[len(vs)-1]}
}

// cellValue is a spread in words; Why says why a value is missing.
type cellValue struct {
	Value string // Value is the median, "-" if there is no value.
	Range string // Range is "least..most" where repeats differ.
	Why   string
	Span  int // Span is how many columns it covers, where neighbours are missing for the same reason; 0 means 1.
}

// mergeMissing merges neighbours that are missing for the same reason.
func mergeMissing(values []cellValue) []cellValue {
	var out []cellValue
	for _, f := range values {
		if n := len(out); n > 0 && f.Value == missing && f.Why != "" && out[n-1].Value == missing && out[n-1].Why == f.Why {
			out[n-1].Span = max(out[n-1].Span, 1) + 1
			continue
		}
		out = append(out, f)
	}
	return out
}

func (s spread) inWords(format func(float64) string, why string) cellValue {
	if s.n == 0 {
		return cellValue{Value: missing, Why: why}
	}
	f := cellValue{Value: format(s.median)}
	if lo, hi := format(s.min), format(s.max); lo != hi {
		f.Range = lo + ".." + hi
	}
	return f
}
