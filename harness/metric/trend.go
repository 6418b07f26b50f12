package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

const (
	mostPoints    = 60  // longer loads are summed up by medians of more than a second
	leastBlocks   = 4   // blocks of the bootstrap without which there are no bounds
	leastPoints   = 8   // points without which there are none
	blockCommits  = 3   // commit intervals in a block: the backlog of a batch rises and falls with them
	replicates    = 100 // of the bootstrap
	oneSidedError = 0.05
)

// trendOfTotal is the slope of the total backlog alone, without bounds.
func trendOfTotal(r *harness.Run) (float64, bool) {
	w, ok := loadWindow(r)
	if !ok {
		return 0, false
	}
	return slopeOf(w.medians(r.Series.Backlog)) / w.point.Seconds() / w.offered, true
}

// Trend is how much of the offered rate the backlog grew by while there was load, after
// the warm-up. The total counts, and each partition as a share of its own offered rate: the
// highest of all is the value.
//
// The slope is that of Theil and Sen: the median of the slopes of all pairs of points. A
// point is the median of the levels of a second, or of more in a load of over a minute. Up to
// 29 % of the points may be anything, so a short outage does not look like growth.
//
// The bounds come from a circular moving-block bootstrap of the residuals (Künsch 1989; Politis
// and Romano 1992). A block is at least 3 commit intervals, so that it has what batches do. What a residual keeps
// of the one before it is taken out first and put back into each replicate: a queue near its
// capacity remembers for longer than a block. The spread of the slopes of the replicates
// is the standard error. Student's t gives the bounds, by the number of blocks or of
// independent points. All partitions take the same blocks, so that each replicate is one
// possible run.
//
// Upper is the highest upper bound, each at 95 %. Many partitions need no correction here:
// the growth is below a limit only if each bound is (an intersection-union test, Berger
// 1982). Lower is the highest lower bound. One partition above a limit is enough to say so,
// hence the n bounds are each at 1 - 5 %/n (Bonferroni).
//
// Partitions with less than a record a second count in the total alone. The random numbers
// depend on the seed of the run. ok is false without a load over time, as in a flood. The
// bounds are infinite where the load is too short for four blocks.
func Trend(r *harness.Run, commit time.Duration) (i Interval, ok bool) {
	w, ok := loadWindow(r)
	if !ok {
		return Interval{}, false
	}
	series := w.seriesOf(r)
	block, n := blockLength(commit, w.point), len(series[0].points)
	if least := max(leastBlocks*block, leastPoints); n < least {
		i := Interval{Value: series[0].slope, Lower: math.Inf(-1), Upper: math.Inf(1)}
		i.Why = fmt.Sprintf("a load of %v after the warm-up is too short for a trend: at least %v", time.Duration(n)*w.point, time.Duration(least)*w.point)
		return i, true
	}
	bootstrap(series, block, rand.New(rand.NewPCG(r.Seed, 0x7472656e64)))
	i = Interval{Value: math.Inf(-1), Lower: math.Inf(-1), Upper: math.Inf(-1)}
	for k := range series {
		s := &series[k]
		lower, upper := s.bounds(block, len(series))
		if upper > i.Upper {
			i.Upper, i.Where = upper, s.where
		}
		i.Lower, i.Value = max(i.Lower, lower), max(i.Value, s.slope)
	}
	return i, true
}

// bounds are those of the slope; the lower one is corrected for n series.
func (l *levels) bounds(block, n int) (lower, upper float64) {
	points := float64(len(l.points))
	independent := min(points/float64(block), points*(1-l.memory)/(1+l.memory))
	freedom := max(2, int(independent)-1)
	return l.slope - studentQuantile(1-oneSidedError/float64(n), freedom)*l.deviation, l.slope + studentQuantile(1-oneSidedError, freedom)*l.deviation
}

// window is the part of a run in which the trend is measured.
type window struct {
	from, to int           // steps of the series
	bundle   int           // steps in a point
	point    time.Duration // time between points
	offered  float64       // records per second
}

// loadWindow is the time between the warm-up and the end of the load.
func loadWindow(r *harness.Run) (w window, ok bool) {
	s := &r.Series
	if s.Step <= 0 || r.Load.Flood || r.LoadEnd <= 0 {
		return w, false
	}
	w.from = int((warmupEnd(r) + s.Step - 1) / s.Step)
	w.to = min(int(r.LoadEnd/s.Step), len(s.Backlog), len(s.Offered))
	if w.to-w.from < 2 {
		return w, false
	}
	for _, rate := range s.Offered[w.from:w.to] {
		w.offered += rate / float64(w.to-w.from)
	}
	second := max(1, int((time.Second+s.Step-1)/s.Step))
	seconds := (w.to - w.from) / second
	w.bundle = second * max(1, (seconds+mostPoints-1)/mostPoints)
	w.point = time.Duration(w.bundle) * s.Step
	return w, w.offered > 0 && (w.to-w.from)/w.bundle >= 2
}

// medians are the points of a series of levels.
func (w *window) medians(levels []int64) (points []float64) {
	levels = levels[w.from:min(w.to, len(levels))]
	for ; len(levels) >= w.bundle; levels = levels[w.bundle:] {
		part := slices.Sorted(slices.Values(levels[:w.bundle]))
		points = append(points, float64(part[(w.bundle-1)/2]+part[w.bundle/2])/2)
	}
	return points
}

// levels are the points of the backlog, in units that make their slope a share of the
// offered rate.
type levels struct {
	where     string
	points    []float64
	residuals []float64 // residuals from the line, around 0.
	memory    float64   // memory is what a residual keeps of the one before it, in [0,1).
	fresh     []float64 // fresh is the rest of each residual.
	slope     float64
	deviation float64 // deviation is the standard error of the slope.
}

// seriesOf are the total and the partitions.
func (w *window) seriesOf(r *harness.Run) (all []levels) {
	add := func(where string, backlog []int64, offered float64) {
		points := w.medians(backlog)
		for i := range points {
			points[i] /= offered * w.point.Seconds()
		}
		all = append(all, levels{where: where, points: points, slope: slopeOf(points)})
	}
	add("", r.Series.Backlog, w.offered)
	for p, backlog := range r.Series.PartitionBacklog {
		if p < len(r.Load.Partitions) && len(backlog) >= w.to {
			if offered := w.offered * r.Load.Partitions[p]; offered >= 1 {
				add(fmt.Sprintf("partition %d", p), backlog, offered)
			}
		}
	}
	mean := 0.0
	for k := range all {
		all[k].takeOutLine()
		mean += all[k].memory / float64(len(all))
	}
	for k := range all {
		// That of a single series is uncertain, and partitions are much alike.
		all[k].memory = max(all[k].memory, mean)
		all[k].takeOutMemory()
	}
	return all
}

// takeOutLine finds the residuals and their memory.
func (l *levels) takeOutLine() {
	l.residuals = make([]float64, len(l.points))
	for i, v := range l.points {
		l.residuals[i] = v - l.slope*float64(i)
	}
	centre := medianOf(slices.Clone(l.residuals))
	for i := range l.residuals {
		l.residuals[i] -= centre
	}
	l.memory = memoryOf(l.residuals)
}

// takeOutMemory finds the fresh parts, around 0.
func (l *levels) takeOutMemory() {
	l.fresh = make([]float64, len(l.points))
	mean := 0.0
	for i := 1; i < len(l.fresh); i++ {
		l.fresh[i] = l.residuals[i] - l.memory*l.residuals[i-1]
		mean += l.fresh[i] / float64(len(l.fresh)-1)
	}
	for i := range l.fresh[1:] {
		l.fresh[i+1] -= mean
	}
}

// memoryOf is the correlation of neighbours. That of a few points is too low by about
// (1 + 3 x memory)/n (Kendall 1954), and the line takes about as much again.
func memoryOf(e []float64) float64 {
	sum, squares := 0.0, 0.0
	for i, v := range e {
		squares += v * v
		if i > 0 {
			sum += v * e[i-1]
		}
	}
	if squares == 0 {
		return 0
	}
	m := sum / squares
	return max(0, min(m+2*(1+3*m)/float64(len(e)), 0.95))
}

// blockLength is the length of a block, in points.
func blockLength(commit, point time.Duration) int {
	return max(1, int((blockCommits*commit+point-1)/point))
}

// bootstrap finds the standard error of each slope.
func bootstrap(series []levels, block int, random *rand.Rand) {
	n := len(series[0].points)
	order, drawn := make([]int, n), make([]float64, n)
	estimator := newSlopes(n)
	sums := make([]float64, len(series))
	for range replicates {
		for at := 0; at < n; at += block {
			from := random.IntN(n - 1)
			for k := at; k < min(at+block, n); k++ {
				order[k] = 1 + (from+k-at)%(n-1)
			}
		}
		for k := range series {
			series[k].draw(drawn, order)
			slope := estimator.outer(drawn)
			sums[k] += slope * slope
		}
	}
	for k := range series {
		series[k].deviation = math.Sqrt(sums[k] / replicates)
	}
}

// draw makes the residuals of a replicate from the fresh parts in this order.
func (l *levels) draw(drawn []float64, order []int) {
	last := l.residuals[order[0]-1]
	for i, from := range order {
		last = l.memory*last + l.fresh[from]
		drawn[i] = last
	}
}
