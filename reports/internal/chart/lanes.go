package chart

import (
	"slices"
	"strconv"
)

// LaneMoment is a moment in a lane of [Lanes], or a stretch from one time to another.
type LaneMoment struct {
	Lane     int
	From, To float64 // To is From for what took no time.
	Bad      bool    // Bad: it is what the chart is about.
	Gap      bool    // Gap: it stands for many that are left out.
}

// Lanes shows what happened where, a row a lane, in the order of time: each
// further time takes the same room, since microseconds and seconds meet in one
// story. Moments carry their numbers, from 1, for the text beside the chart.
type Lanes struct {
	Title   string
	Names   []string
	Moments []LaneMoment
	Format  func(float64) string // Format writes a time.
}

const laneRow, laneTop, laneName = 26.0, 10.0, 92.0

// SVG is the chart as an element of an HTML page.
func (l Lanes) SVG() string {
	c := new(canvas)
	bottom := laneTop + laneRow*float64(len(l.Names))
	c.open(chartWidth, bottom+22, l.Title, ` class="lanes"`)
	times := l.times()
	x := func(t float64) float64 {
		i, _ := slices.BinarySearch(times, t)
		return laneName + 14 + (chartWidth-laneName-40)*float64(i)/float64(max(1, len(times)-1))
	}
	for i, name := range l.Names {
		y := laneTop + laneRow*(float64(i)+0.5)
		c.text(laneName, y+4, "lab", "end", name)
		c.line(laneName+8, y, chartWidth-8, y, "grid")
	}
	for i, m := range l.Moments {
		l.moment(c, i+1, m, x)
	}
	l.ticks(c, times, x, bottom)
	c.WriteString("</svg>")
	return c.String()
}

// times are all times at which something begins or ends, each once, ascending.
func (l Lanes) times() (times []float64) {
	for _, m := range l.Moments {
		times = append(times, m.From, m.To)
	}
	slices.Sort(times)
	return slices.Compact(times)
}

func (l Lanes) moment(c *canvas, number int, m LaneMoment, x func(float64) float64) {
	class, y := "moment", laneTop+laneRow*(float64(m.Lane)+0.5)
	if m.Bad {
		class += " bad"
	}
	if m.Gap {
		class += " gap"
	}
	from, to := x(m.From), x(m.To)
	if to > from {
		c.addf(`<rect class="%s" x="%s" y="%s" width="%s" height="15" rx="7.5"/>`, class, num(from-7.5), num(y-7.5), num(to-from+15))
	} else {
		c.addf(`<circle class="%s" cx="%s" cy="%s" r="7.5"/>`, class, num(from), num(y))
	}
	c.text(from, y+3.5, class, "middle", strconv.Itoa(number))
}

// ticks name the first and the last time, and that of what the chart is about.
func (l Lanes) ticks(c *canvas, times []float64, x func(float64) float64, y float64) {
	if len(times) == 0 {
		return
	}
	c.text(x(times[0])-8, y+15, "tick", "", l.Format(times[0]))
	if len(times) > 1 {
		c.text(x(times[len(times)-1])+8, y+15, "tick", "end", l.Format(times[len(times)-1]))
	}
	for _, m := range l.Moments {
		if at := x(m.From); m.Bad && at > laneName+90 && at < chartWidth-110 {
			c.text(at, y+15, "tick bad", "middle", l.Format(m.From))
			return
		}
	}
}
