package metric

import (
	"fmt"
	"strconv"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// AllPhases is the name of the latencies of all measured records: all but those of the
// warm-up.
const AllPhases = "all"

// percentiles are those that [harness.Quantiles] has.
var percentiles = []*Metric{newPercentile(50), newPercentile(90), newPercentile(99), newPercentile(99.9), newMaximum()}

func newPercentile(p float64) *Metric {
	digits := strconv.FormatFloat(p, 'f', -1, 64)
	return newLatency("p"+digits, digits+" % of the records took at most this long, from due to the end of the work", p/100)
}

func newMaximum() *Metric {
	return newLatency("max", "the longest time of a record from due to the end of the work", 1)
}

func newLatency(name, doc string, quantile float64) *Metric {
	return &Metric{
		Name: name, Bench: name + "-e2e-sec", Unit: Seconds, Doc: doc, Quantile: quantile, Absent: isFlood,
	}
}

// OfPhase is a percentile of the records of a phase, or of [AllPhases]. Quantiles of a run
// are those of [Percentiles]: others have no value here. Nor has a percentile of too few
// records.
func (m *Metric) OfPhase(r *harness.Run, phase string) (seconds float64, ok bool) {
	q := Latencies(r, phase)
	if q.N == 0 || m.TooFew(q.N) != "" {
		return 0, false
	}
	for i, d := range [...]time.Duration{q.P50, q.P90, q.P99, q.P999, q.Max} {
		if percentiles[i].Name == m.Name {
			return d.Seconds(), true
		}
	}
	return 0, false
}

// TooFew says that n records are too few for a percentile, "" if they are enough: at least
// one record has to lie beyond it.
func (m *Metric) TooFew(n int64) string {
	if beyond := float64(n) * (1 - m.Quantile); m.Quantile == 1 || beyond >= 1-1e-6 {
		return ""
	}
	return fmt.Sprintf("%d records are too few for %s", n, m.Name)
}

// Latencies are the end-to-end latencies of a phase, or of [AllPhases]. They have no records
// where the run has none, or has only those of several phases: percentiles cannot be merged.
func Latencies(r *harness.Run, phase string) harness.Quantiles {
	if phase == AllPhases && r.EndToEnd.N > 0 {
		return r.EndToEnd
	}
	var found []harness.Quantiles
	for _, p := range r.Phases {
		if p.EndToEnd.N > 0 && (p.Name == phase || phase == AllPhases && p.Name != phaseWarmup) {
			found = append(found, p.EndToEnd)
		}
	}
	if len(found) != 1 {
		return harness.Quantiles{}
	}
	return found[0]
}
