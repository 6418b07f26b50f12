package reports

import (
	"math"

	"github.com/stampede-bench/stampede/harness"
)

// column is a figure of the summary: its head, what it means, and how it is had.
type column struct {
	Title, Doc string
	valueOf    func(v *view, c *harness.Cell) cellValue
}

// columns are the figures that sum up one consumer in one scenario.
var columns = []column{
	{"done/s", "first effects per second while there was load to do", perRun(completedRate, formatRate)},
	{"bound/s", "pods x parallelism / mean service time achieved: what the design could do at best", perRun(throughputBound, formatRate)},
	{"of bound", "done/s over bound/s", perRun(ofBound, formatPercent)},
	{"p50", "end-to-end latency, from due to the end of the work: half of the records took no longer", latencyColumn(0.5)},
	{"p90", "end-to-end latency of 90 % of the records", latencyColumn(0.9)},
	{"p99", "end-to-end latency of 99 % of the records", latencyColumn(0.99)},
	{"max", "the longest end-to-end latency", maxLatency},
	{"backlog", "the most records landed and not finished at any time", perRun(maxBacklog, formatCount)},
	{"recovery", "from the injection until the backlog is back at its steady level, or gone where no steady phase came before; the slowest fault counts", perRun(slowestRecovery, formatDuration)},
	{"redone", "second effects of a record that a rebalance or a crash explains", perRun(redelivered, formatCount)},
	{"CPU s/k", "CPU seconds of all pods per 1000 finished records", perRun(cpuPerThousand, three)},
	{"RSS", "the largest resident memory of a pod", perRun(maxRSS, formatSize)},
}

func perRun(of func(*harness.Run) (float64, bool), format func(float64) string) func(*view, *harness.Cell) cellValue {
	return func(v *view, c *harness.Cell) cellValue {
		runs := v.concludedRuns(c)
		if len(runs) == 0 {
			return cellValue{Value: missing, Why: string(c.Status)}
		}
		return spreadOf(runs, of).inWords(format, "")
	}
}

func completedRate(r *harness.Run) (float64, bool)   { return r.Completed, true }
func throughputBound(r *harness.Run) (float64, bool) { return r.Bound, r.Bound > 0 }
func redelivered(r *harness.Run) (float64, bool)     { return float64(r.Counts.Redelivered), true }

func ofBound(r *harness.Run) (float64, bool) { return r.Completed / r.Bound, r.Bound > 0 }

func maxBacklog(r *harness.Run) (float64, bool) {
	most := int64(0)
	for _, b := range r.Series.Backlog {
		most = max(most, b)
	}
	return float64(most), len(r.Series.Backlog) > 0
}

// slowestRecovery is that of the slowest fault.
func slowestRecovery(r *harness.Run) (float64, bool) {
	slowest := 0.0
	for _, f := range r.Faults {
		if f.Steady {
			slowest = max(slowest, seconds(f.BacklogBack))
		} else {
			slowest = max(slowest, seconds(f.Empty))
		}
	}
	return slowest, len(r.Faults) > 0
}

func cpuSeconds(r *harness.Run) float64 {
	total := 0.0
	for _, p := range r.Pods {
		total += p.CPU.Seconds()
	}
	return total
}

func cpuPerThousand(r *harness.Run) (float64, bool) {
	return 1000 * cpuSeconds(r) / float64(r.Counts.Completed), r.Counts.Completed > 0 && len(r.Pods) > 0
}

func maxRSS(r *harness.Run) (float64, bool) {
	most := int64(0)
	for _, p := range r.Pods {
		most = max(most, p.MaxRSS)
	}
	return float64(most), most > 0
}

// latencyColumn is a quantile of all measured records of the repeats that passed.
func latencyColumn(q float64) func(*view, *harness.Cell) cellValue {
	return func(v *view, c *harness.Cell) cellValue {
		curve := curveOf(c, everyRecord)
		if curve == nil {
			return cellValue{Value: missing, Why: v.whyNoLatency(c)}
		}
		if l, ok := latencyAt(curve, q); ok {
			return cellValue{Value: formatDuration(l)}
		}
		return cellValue{Value: missing, Why: "too few records"}
	}
}

// maxLatency is over the phases of the repeats that passed, as curves end before
// their last records.
func maxLatency(v *view, c *harness.Cell) cellValue {
	if curveOf(c, everyRecord) == nil {
		return cellValue{Value: missing, Why: v.whyNoLatency(c)}
	}
	most := 0.0
	for _, r := range v.runsOf(c) {
		for _, p := range r.Phases {
			if r.Status == harness.Pass && !isWarmUp(p.Name) {
				most = max(most, p.EndToEnd.Max.Seconds())
			}
		}
	}
	return cellValue{Value: formatDuration(most)}
}

// everyRecord is the phase of the curve over the whole run.
const everyRecord = "all"

// curveOf is the cell's percentile curve of a phase, nil if it has none.
func curveOf(c *harness.Cell, phase string) *harness.Curve {
	for i := range c.Curves {
		if k := &c.Curves[i]; k.Phase == phase && len(k.Points) > 0 {
			return k
		}
	}
	return nil
}

// latencyAt is the latency at a quantile in seconds, that of the first point that
// reaches it; ok is false past the curve's end.
func latencyAt(c *harness.Curve, q float64) (s float64, ok bool) {
	for _, p := range c.Points {
		if p.Quantile >= q {
			return p.Latency.Seconds(), true
		}
	}
	return 0, false
}

// whyNoLatency says why a cell has no end-to-end latencies.
func (v *view) whyNoLatency(c *harness.Cell) string {
	for _, r := range v.runsOf(c) {
		if r.Load.Flood {
			return "flood: all due at once"
		}
	}
	switch c.Status {
	case harness.Pass:
		return "nothing measured"
	case harness.Fail:
		return "failed"
	}
	return string(c.Status)
}

// upperLimit bounds the probability of a violation per trial from trials without
// one: the p at which none in n has a chance of 5 %.
func upperLimit(n int64) float64 { return 1 - math.Pow(0.05, 1/float64(n)) }
