package profile

import (
	"math"
	"time"
)

// rateCounter counts records over time in bounded memory: when there are too many cells it takes
// wider ones. Times may come in any order.
type rateCounter struct {
	level int                // level is the index of the width in cellWidths.
	cells map[int64]rateCell // by time divided by the width
}

// rateCell is the weight of the records in a cell, and the sum of its squares.
type rateCell struct{ records, squares uint64 }

// cellWidths are multiples of each other.
var cellWidths = []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

// maxCells holds 13 minutes at 100 ms, and two hours at 1 s.
const maxCells = 8192

func (c *rateCounter) width() int64 { return int64(cellWidths[c.level] / time.Millisecond) }

// addRecord counts a record at a time in ms.
func (c *rateCounter) addRecord(at int64, weight uint64) {
	if c.cells == nil {
		c.cells = map[int64]rateCell{}
	}
	c.addCell(floorDiv(at, c.width()), rateCell{weight, weight * weight})
	for len(c.cells) > maxCells && c.level < len(cellWidths)-1 {
		c.widen()
	}
}

func (c *rateCounter) addCell(i int64, cell rateCell) {
	old := c.cells[i]
	c.cells[i] = rateCell{old.records + cell.records, old.squares + cell.squares}
}

// widen takes the next width.
func (c *rateCounter) widen() {
	old, factor := c.cells, c.width()
	c.level++
	factor = c.width() / factor
	c.cells = map[int64]rateCell{}
	for i, cell := range old {
		c.addCell(floorDiv(i, factor), cell)
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// stepWidths are the steps that a rate may have.
var stepWidths = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 20 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// maxSteps is the most steps of a rate.
const maxSteps = 600

// stepOf is the shortest step that is at least as long as least, and of which a window does not have too many.
func (c *rateCounter) stepOf(length, least time.Duration) time.Duration {
	for _, w := range stepWidths {
		if w >= least && w%cellWidths[c.level] == 0 && length <= maxSteps*w {
			return w
		}
	}
	return stepWidths[len(stepWidths)-1]
}

// steps are the counts of a window that begins at start, in ms. Records outside of it count in its
// first and its last step.
func (c *rateCounter) steps(start int64, length, least time.Duration) Rate {
	r := Rate{Step: c.stepOf(length, least)}
	n := max(1, int(math.Round(float64(length)/float64(r.Step))))
	cells, all := make([]rateCell, n), rateCell{}
	for i, cell := range c.cells {
		at := time.Duration(i*c.width()-start) * time.Millisecond
		step := &cells[max(0, min(n-1, int(at/r.Step)))]
		step.records, step.squares = step.records+cell.records, step.squares+cell.squares
		all.records, all.squares = all.records+cell.records, all.squares+cell.squares
	}
	for _, cell := range cells {
		r.Steps = append(r.Steps, Count{cell.records, z95 * math.Sqrt(float64(max(1, cell.squares)))})
	}
	seconds := length.Seconds()
	r.Mean, r.MeanError = float64(all.records)/seconds, z95*math.Sqrt(float64(all.squares))/seconds
	return r
}

// z95 is the two-sided 95 % quantile of the normal distribution.
const z95 = 1.96
