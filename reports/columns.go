package reports

import (
	"math"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/metric"
)

// column is a result of one consumer in one scenario: its head, its meaning and
// its value. A new column is one entry of [columns]; all forms of report have it then.
type column struct {
	Group, Title, Unit, Doc string

	metric *metric.Metric                          // metric is the metric of bench.txt that it shows, nil for none.
	ofRun  func(*harness.Run) (v float64, ok bool) // ofRun is the value where metric is nil, in s, bytes or a share of 1; ok is false if a run has none.
	format func(float64) string                    // format writes it in Unit.
	ofCell func(*view, *harness.Cell) cellValue    // ofCell stands in for ofRun where a cell is more than its runs.

	optional bool // optional columns are left out if no cell has a value.
	pageOnly bool // pageOnly columns are not in the text, which has to fit a terminal.
}

// The metrics that columns and other parts of a report show.
var (
	completedRate   = metric.MustFind("records/s")
	ofBound         = metric.MustFind("of-bound")
	maxBacklog      = metric.MustFind("backlog-max")
	slowestRecovery = metric.MustFind("recovery")
	redelivered     = metric.MustFind("redelivered")
	cpuPerThousand  = metric.MustFind("cpu/1000records")
	maxRSS          = metric.MustFind("rss-max")
)

var columns = []column{
	{Title: "completed", Unit: "records/s", Doc: "records completed per second while there was load", metric: completedRate, format: formatRate},
	{Title: "bound", Unit: "records/s", Doc: "the highest rate that the design could reach: pods × parallelism ÷ mean service time; shown where the load reaches it", ofRun: throughputBound, format: formatRate, optional: true, pageOnly: true},
	{Title: "of bound", Unit: "%", Doc: "the completed rate as a share of the bound", metric: ofBound, format: formatShare, optional: true},
	{Group: "end-to-end", Title: "p50", Unit: "ms", Doc: "latency from due to the end of the work; half of the records took at most this long", ofCell: latencyColumn(0.5)},
	{Group: "end-to-end", Title: "p90", Unit: "ms", Doc: "90 % of the records took at most this long", ofCell: latencyColumn(0.9), pageOnly: true},
	{Group: "end-to-end", Title: "p99", Unit: "ms", Doc: "99 % of the records took at most this long", ofCell: latencyColumn(0.99)},
	{Group: "end-to-end", Title: "max", Unit: "ms", Doc: "the longest latency of a record", ofCell: maxLatency},
	{Title: "backlog", Unit: "records", Doc: "the highest number of records that were appended and not completed", metric: maxBacklog, format: formatCount},
	{Title: "recovery", Unit: "s", Doc: "time from the injection until the backlog is back at its steady level, or empty if there was no steady phase. With several faults the slowest recovery counts", metric: slowestRecovery, format: formatSeconds, optional: true},
	{Title: "redelivered", Unit: "records", Doc: "records completed again after a rebalance, a crash or another return to the committed offset", metric: redelivered, format: formatCount},
	{Title: "CPU", Unit: "s/1000 records", Doc: "CPU time of all pods for 1000 completed records", metric: cpuPerThousand, format: three, optional: true},
	{Title: "memory", Unit: "MiB", Doc: "resident memory of the largest pod", metric: maxRSS, format: formatMiB, optional: true},
}

// costColumns are what a consumer used in a scenario.
var costColumns = []column{
	{Title: "rebalances", Doc: "after the group had formed", ofRun: rebalances, format: formatCount},
	{Title: "CPU", Unit: "s", Doc: "CPU time of all pods", ofRun: cpuTime, format: formatSeconds, optional: true},
	{Title: "mean cores", Doc: "CPU time of the pods divided by the time of the run", ofRun: meanCores, format: three, optional: true},
	{Title: "memory", Unit: "MiB", Doc: "resident memory of the largest pod", metric: maxRSS, format: formatMiB, optional: true},
	{Title: "host busy", Unit: "%", Doc: "CPU time of the host that was in use while the load was measured", ofRun: hostBusy, format: formatShare, optional: true},
	{Title: "host steal", Unit: "%", Doc: "CPU time of the host that the hypervisor took", ofRun: hostSteal, format: formatShare, optional: true},
}

// Head is the column's name with its unit.
func (k column) Head() string {
	head := strings.TrimSpace(k.Group + " " + k.Title)
	if k.Unit != "" {
		head += " (" + k.Unit + ")"
	}
	return head
}

func (k column) valueOf(v *view, c *harness.Cell) cellValue {
	if k.ofCell != nil {
		return k.ofCell(v, c)
	}
	runs := v.concludedRuns(c)
	if len(runs) == 0 {
		return cellValue{Value: missing, Why: string(c.Status)}
	}
	of := k.ofRun
	if k.metric != nil {
		of = k.metric.Of
	}
	return spreadOf(runs, of).inWords(k.format, "")
}

// usedColumns leaves out the optional columns without a value in any cell.
func (v *view) usedColumns(all []column) []column {
	var used []column
	for _, k := range all {
		if !k.optional || slices.ContainsFunc(v.Cells, func(c harness.Cell) bool { return k.valueOf(v, &c).Value != missing }) {
			used = append(used, k)
		}
	}
	return used
}

func throughputBound(r *harness.Run) (float64, bool) { return r.Bound, metric.Saturated(r) }

func cpuTime(r *harness.Run) (float64, bool) {
	cpu := metric.CPUSeconds(r)
	return cpu, cpu > 0
}

func meanCores(r *harness.Run) (float64, bool) {
	cpu := metric.CPUSeconds(r)
	return cpu / r.Took.Seconds(), cpu > 0 && r.Took > 0
}

func rebalances(r *harness.Run) (float64, bool) { return float64(r.Rebalances), true }
func hostBusy(r *harness.Run) (float64, bool)   { return r.Host.Busy, r.Host.CPUs > 0 }
func hostSteal(r *harness.Run) (float64, bool)  { return r.Host.Steal, r.Host.CPUs > 0 }

// latencyColumn is a quantile of all measured records of the repeats that passed.
func latencyColumn(q float64) func(*view, *harness.Cell) cellValue {
	return func(v *view, c *harness.Cell) cellValue {
		curve := curveOf(c, everyRecord)
		if curve == nil {
			return cellValue{Value: missing, Why: v.whyNoLatency(c)}
		}
		if l, ok := latencyAt(curve, q); ok {
			return cellValue{Value: formatLatency(c, l)}
		}
		return cellValue{Value: missing, Why: "too few records"}
	}
}

// maxLatency comes from the phases of the repeats that passed, because curves end
// before their last records.
func maxLatency(v *view, c *harness.Cell) cellValue {
	if curveOf(c, everyRecord) == nil {
		return cellValue{Value: missing, Why: v.whyNoLatency(c)}
	}
	most := 0.0
	for _, r := range v.runsOf(c) {
		for _, p := range r.Phases {
			if r.KeptClaims() && (r.Saturated != "") == c.Saturated && !isWarmUp(p.Name) {
				most = max(most, p.EndToEnd.Max.Seconds())
			}
		}
	}
	return cellValue{Value: formatLatency(c, most)}
}

// saturatedMark stands behind the latencies of a machine that had no room.
const saturatedMark = "*"

// formatLatency writes a latency of a cell.
func formatLatency(c *harness.Cell, seconds float64) string {
	if c.Saturated {
		return formatMillis(seconds) + saturatedMark
	}
	return formatMillis(seconds)
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

// latencyAt is the latency at a quantile in seconds: the latency of the first point
// that reaches it. ok is false after the curve's end.
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
			return "flood: all records due at once"
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

// upperLimit is the highest probability of a violation per trial that n trials without
// one leave plausible: with it, n such trials have a chance of 5 %.
func upperLimit(n int64) float64 { return 1 - math.Pow(0.05, 1/float64(n)) }
