package reports

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/reports/internal/chart"
)

// allCharts are the scenario's charts, each with the question that it answers.
func (d *drawing) allCharts() []pageChart {
	if len(d.shown) == 0 {
		return nil
	}
	return []pageChart{d.chartBars(), d.chartRates(), d.chartBacklog(), d.chartAge(), d.chartLatency(), d.chartPercentiles()}
}

// overTime is a chart over the time of the run.
func (d *drawing) overTime(title string, y chart.Axis, lines []chart.Line) template.HTML {
	return template.HTML(chart.Lines{
		Title: title,
		X:     chart.Axis{Scale: chart.Scale{Kind: chart.Linear, Max: d.end}, Title: "seconds since the load began", Format: formatShort, Unit: "time"},
		Y:     y, Spans: d.spans, Marks: d.marks, Lines: lines,
	}.SVG())
}

// levelPoints are values at the ends of steps.
func levelPoints[T int64 | time.Duration](step time.Duration, vs []T, unit float64) []chart.Point {
	var ps []chart.Point
	for i, v := range vs {
		ps = append(ps, chart.Point{X: step.Seconds() * float64(i+1), Y: float64(v) / unit})
	}
	return chart.Peaks(ps, chart.MaxPoints)
}

// ratePoints are values in the middle of steps.
func ratePoints(step time.Duration, vs []float64) []chart.Point {
	var ps []chart.Point
	for i, v := range vs {
		ps = append(ps, chart.Point{X: step.Seconds() * (float64(i) + 0.5), Y: v})
	}
	return chart.Means(ps, chart.MaxPoints)
}

// breakAtZero breaks a line of latencies where no record ended in a step.
func breakAtZero(points []chart.Point) []chart.Point {
	for i := range points {
		if points[i].Y == 0 {
			points[i].Y = math.NaN()
		}
	}
	return points
}

// leastCount is the least end of an axis of counts. A smaller axis would show a
// backlog of 3 or 4 records as a mountain.
const leastCount = 10

// leastAge is the least end of an axis of ages, in seconds.
const leastAge = 0.1

// countScale is linear, unless the consumers are so far apart that some would be flat.
func countScale(lines []chart.Line) chart.Scale {
	low, high := math.Inf(1), 0.0
	for _, l := range lines {
		peak := 0.0
		for _, p := range l.Points {
			peak = max(peak, p.Y)
		}
		if peak > 0 {
			low, high = min(low, peak), max(high, peak)
		}
	}
	if high > max(20*low, leastCount) {
		return chart.NewScale(chart.Log1p, allValues(lines)...)
	}
	return chart.NewScale(chart.Linear, append(allValues(lines), leastCount)...)
}

func allValues(lines []chart.Line) []float64 {
	var vs []float64
	for _, l := range lines {
		for _, p := range l.Points {
			vs = append(vs, p.Y)
		}
	}
	return vs
}

func countAxis(what string, lines []chart.Line) chart.Axis {
	a := chart.Axis{Scale: countScale(lines), Title: what, Format: formatShort, Unit: "count"}
	if a.Scale.Kind == chart.Log1p {
		a.Title += " (log scale)"
	}
	return a
}

// formatSecondsTick writes seconds for an axis: 400 s, not 6 min 40 s.
func formatSecondsTick(s float64) string {
	if s > 100 {
		return formatCount(s) + " s"
	}
	return formatSpan(s)
}

func ageAxis(lines []chart.Line) chart.Axis {
	return chart.Axis{Scale: chart.NewScale(chart.Linear, append(allValues(lines), leastAge)...), Title: "age", Format: formatSecondsTick, Unit: "time"}
}

// latencyAxis is logarithmic over one decade at least, so that noise looks like noise.
func latencyAxis(lines []chart.Line) chart.Axis {
	s := chart.NewScale(chart.Log, allValues(lines)...)
	s.Max = max(s.Max, 10*s.Min)
	return chart.Axis{Scale: s, Title: "latency (log scale)", Format: formatSecondsTick, Unit: "time"}
}

func (d *drawing) lineOf(s shown, name, more string, points []chart.Point) chart.Line {
	return chart.Line{Name: strings.TrimSpace(s.consumer.Short + " " + name), Class: s.consumer.Class + more, Points: points}
}

func (d *drawing) chartBacklog() pageChart {
	var lines []chart.Line
	for _, s := range d.shown {
		lines = append(lines, d.lineOf(s, "", "", levelPoints(s.run.Series.Step, s.run.Series.Backlog, 1)))
	}
	q := "How far behind does each consumer fall?"
	return pageChart{Question: q, About: "Backlog: records appended and not completed.", SVG: d.overTime(q, countAxis("records", lines), lines)}
}

func (d *drawing) chartRates() pageChart {
	var lines []chart.Line
	for _, s := range d.shown {
		if len(lines) == 0 && len(s.run.Series.Offered) > 0 {
			lines = append(lines, chart.Line{Name: "offered", Class: "offered", Points: ratePoints(s.run.Series.Step, s.run.Series.Offered)})
		}
		lines = append(lines, d.lineOf(s, "", "", ratePoints(s.run.Series.Step, s.run.Series.Completed)))
	}
	q := "Does each consumer keep up with what is offered?"
	return pageChart{Question: q, About: "Records completed per second; the offered rate is grey.", SVG: d.overTime(q, countAxis("records/s", lines), lines)}
}

func (d *drawing) chartAge() pageChart {
	var lines []chart.Line
	for _, s := range d.shown {
		lines = append(lines, d.lineOf(s, "", "", levelPoints(s.run.Series.Step, s.run.Series.Age, float64(time.Second))))
	}
	q := "How long has the oldest uncompleted record been due?"
	return pageChart{Question: q, About: "Age: the time since it was due. It grows by one second per second while a record is stuck.", SVG: d.overTime(q, ageAxis(lines), lines)}
}

func (d *drawing) chartLatency() pageChart {
	var lines []chart.Line
	for _, s := range d.withLatency() {
		step := s.run.Series.Step
		lines = append(lines,
			d.lineOf(s, "p99", "", breakAtZero(levelPoints(step, s.run.Series.P99, float64(time.Second)))),
			d.lineOf(s, "p50", " thin", breakAtZero(levelPoints(step, s.run.Series.P50, float64(time.Second)))))
	}
	q := "How late is work completed over time?"
	f := pageChart{Question: q, About: "End-to-end latency, from due to the end of the work: p99 bold, p50 faint.", Missing: d.describeMissing()}
	if len(lines) > 0 {
		f.SVG = d.overTime(q, latencyAxis(lines), lines)
	}
	return f
}

// chartPercentiles draws the curves of the cells, all repeats that passed merged. A
// curve stops where fewer than ten records are left: the rest would be chance.
func (d *drawing) chartPercentiles() pageChart {
	var lines []chart.Line
	most := 0.0
	for _, s := range d.shown {
		curve := curveOf(s.cell, everyRecord)
		if curve == nil {
			continue
		}
		last := 1 - 10/float64(max(curve.N, 20))
		var ps []chart.Point
		for _, p := range curve.Points {
			if p.Quantile <= last {
				ps = append(ps, chart.Point{X: p.Quantile, Y: p.Latency.Seconds()})
				most = max(most, p.Quantile)
			}
		}
		line := d.lineOf(s, "", "", chart.Peaks(ps, chart.MaxPoints))
		line.End = true
		lines = append(lines, line)
	}
	q := "How late are the slowest records?"
	f := pageChart{Question: q, About: "End-to-end latency by percentile, for every measured record. A curve ends where ten records are left.", Missing: d.describeMissing()}
	if len(lines) == 0 {
		return f
	}
	f.SVG = template.HTML(chart.Lines{
		Title: q,
		X:     chart.Axis{Scale: chart.NewScale(chart.Nines, most), Title: "percentile (each further nine is as wide as the last)", Format: func(q float64) string { return formatNines(q * 100) }, Unit: "quantile"},
		Y:     latencyAxis(lines), Lines: lines,
	}.SVG())
	return f
}

// chartBars shows throughput and the bound of each design, over all repeats with a
// verdict. The share of the bound is there only if the load reaches it.
func (d *drawing) chartBars() pageChart {
	b := chart.Bars{Title: "How far is each consumer from its bound?"}
	about := "Solid: completed per second. Pale: the bound of the design, which this load does not reach."
	var all []float64
	for _, s := range d.shown {
		runs := d.view.concludedRuns(s.cell)
		done, limit, share := spreadOf(runs, completedRate.Of), spreadOf(runs, anyBound), spreadOf(runs, ofBound.Of)
		text := formatRate(done.median) + "/s"
		if share.n > 0 {
			text += fmt.Sprintf(" of %s/s: %s", formatRate(limit.median), formatPercent(share.median))
			b.Title = "How much of its bound does each consumer complete?"
			about = "Solid: completed per second. Pale: the bound, which is pods × parallelism ÷ mean service time."
		}
		b.Bars = append(b.Bars, chart.Bar{Name: s.consumer.Name, Class: s.consumer.Class, Text: text, Value: done.median, Limit: limit.median})
		all = append(all, done.median, limit.median)
		if b.Line == 0 && !s.run.Load.Flood {
			b.Line = s.run.Load.Offered
		}
	}
	all = append(all, b.Line)
	b.Label = "offered " + formatRate(b.Line) + "/s"
	scale := chart.NewScale(chart.Log, all...)
	scale.Min /= 10 // a decade of room, so that the slowest consumer has a bar too
	b.X = chart.Axis{Scale: scale, Title: "records/s (log scale)", Format: formatShort}
	return pageChart{Question: b.Title, About: about, SVG: template.HTML(b.SVG()), Tall: b.Tall()}
}

func anyBound(r *harness.Run) (float64, bool) { return r.Bound, r.Bound > 0 }
