package reports

import (
	"math"

	"github.com/stampede-bench/stampede/harness"
)

// column is a figure of the summary: its head, what it means, and how it is had.
type column struct {
	Title, Doc string
	of         func(v *view, c *harness.Cell) figure
}

// columns are the figures that sum up one consumer in one scenario.
var columns = []column{
	{"done/s", "first effects per second while there was load to do", perRun(completed, rate)},
	{"bound/s", "pods x parallelism / mean service time achieved: what the design could do at best", perRun(bound, rate)},
	{"of bound", "done/s over bound/s", perRun(ofBound, percent)},
	{"p50", "end-to-end latency, from due to the end of the work: half of the records took no longer", latency(0.5)},
	{"p90", "end-to-end latency of 90 % of the records", latency(0.9)},
	{"p99", "end-to-end latency of 99 % of the records", latency(0.99)},
	{"max", "the longest end-to-end latency", longest},
	{"backlog", "the most records landed and not finished at any time", perRun(maxBacklog, count)},
	{"recovery", "from the injection until the backlog is back at its steady level, or gone where no steady phase came before; the slowest fault counts", perRun(recovery, duration)},
	{"redone", "second effects of a record that a rebalance or a crash explains", perRun(explained, count)},
	{"CPU s/k", "CPU seconds of all pods per 1000 finished records", perRun(cpuPerThousand, three)},
	{"RSS", "the largest resident memory of a pod", perRun(maxRSS, size)},
}

func perRun(of func(*harness.Run) (float64, bool), format func(float64) string) func(*view, *harness.Cell) figure {
	return func(v *view, c *harness.Cell) figure {
		runs := v.concluded(c)
		if len(runs) == 0 {
			return figure{Value: none, Why: string(c.Status)}
		}
		return spreadOf(runs, of).figure(format, "")
	}
}

func completed(r *harness.Run) (float64, bool) { return r.Completed, true }
func bound(r *harness.Run) (float64, bool)     { return r.Bound, r.Bound > 0 }
func explained(r *harness.Run) (float64, bool) { return float64(r.Counts.Redelivered), true }

func ofBound(r *harness.Run) (float64, bool) { return r.Completed / r.Bound, r.Bound > 0 }

func maxBacklog(r *harness.Run) (float64, bool) {
	most := int64(0)
	for _, b := range r.Series.Backlog {
		most = max(most, b)
	}
	return float64(most), len(r.Series.Backlog) > 0
}

// recovery is that of the slowest fault.
func recovery(r *harness.Run) (float64, bool) {
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

func cpu(r *harness.Run) float64 {
	total := 0.0
	for _, p := range r.Pods {
		total += p.CPU.Seconds()
	}
	return total
}

func cpuPerThousand(r *harness.Run) (float64, bool) {
	return 1000 * cpu(r) / float64(r.Counts.Completed), r.Counts.Completed > 0 && len(r.Pods) > 0
}

func maxRSS(r *harness.Run) (float64, bool) {
	most := int64(0)
	for _, p := range r.Pods {
		most = max(most, p.MaxRSS)
	}
	return float64(most), most > 0
}

// latency is a quantile of all measured records of the repeats that passed.
func latency(q float64) func(*view, *harness.Cell) figure {
	return func(v *view, c *harness.Cell) figure {
		curve := curveOf(c, everyRecord)
		if curve == nil {
			return figure{Value: none, Why: v.whyNoLatency(c)}
		}
		if l, ok := at(curve, q); ok {
			return figure{Value: duration(l)}
		}
		return figure{Value: none, Why: "too few records"}
	}
}

// longest is over the phases of the repeats that passed, as curves end before
// their last records.
func longest(v *view, c *harness.Cell) figure {
	if curveOf(c, everyRecord) == nil {
		return figure{Value: none, Why: v.whyNoLatency(c)}
	}
	most := 0.0
	for _, r := range v.runs(c) {
		for _, p := range r.Phases {
			if r.Status == harness.Pass && !warmUp(p.Name) {
				most = max(most, p.EndToEnd.Max.Seconds())
			}
		}
	}
	return figure{Value: duration(most)}
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

// at is the latency at a quantile in seconds, that of the first point that
// reaches it; ok is false past the curve's end.
func at(c *harness.Curve, q float64) (s float64, ok bool) {
	for _, p := range c.Points {
		if p.Quantile >= q {
			return p.Latency.Seconds(), true
		}
	}
	return 0, false
}

// whyNoLatency says why a cell has no end-to-end latencies.
func (v *view) whyNoLatency(c *harness.Cell) string {
	for _, r := range v.runs(c) {
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

// chance bounds the probability of a violation per trial from trials without
// one: the p at which none in n has a chance of 5 %.
func chance(n int64) float64 { return 1 - math.Pow(0.05, 1/float64(n)) }
