package chart

import (
	"slices"
	"strconv"
)

// TrackEntry is one thing that happened on a track of [Tracks], at a time or from one time to another.
type TrackEntry struct {
	Track    int
	From, To float64 // To equals From if it took no time.
	Bad      bool    // Bad marks what the chart is about.
	Gap      bool    // Gap marks an entry that stands for many omitted ones.
}

// Tracks is a time line with one row for each place. Times are in order and
// evenly spaced, because microseconds and seconds meet in one time line. Entries
// are numbered from 1, for the text next to the chart.
type Tracks struct {
	Title   string
	Names   []string
	Entries []TrackEntry
	Format  func(float64) string // Format writes a time.
}

const trackRow, trackTop, trackNameWidth = 26.0, 10.0, 92.0

// SVG is the chart as an element of an HTML page.
func (l Tracks) SVG() string {
	c := new(canvas)
	bottom := trackTop + trackRow*float64(len(l.Names))
	c.openSVG(chartWidth, bottom+22, l.Title, ` class="tracks"`)
	times := l.entryTimes()
	x := func(t float64) float64 {
		i, _ := slices.BinarySearch(times, t)
		return trackNameWidth + 14 + (chartWidth-trackNameWidth-40)*float64(i)/float64(max(1, len(times)-1))
	}
	for i, name := range l.Names {
		y := trackTop + trackRow*(float64(i)+0.5)
		c.addText(trackNameWidth, y+4, "lab", "end", name)
		c.addLine(trackNameWidth+8, y, chartWidth-8, y, "grid")
	}
	for i, m := range l.Entries {
		l.drawEntry(c, i+1, m, x)
	}
	l.drawTimes(c, times, x, bottom)
	c.WriteString("</svg>")
	return c.String()
}

// entryTimes are the distinct times at which an entry begins or ends, ascending.
func (l Tracks) entryTimes() (times []float64) {
	for _, m := range l.Entries {
		times = append(times, m.From, m.To)
	}
	slices.Sort(times)
	return slices.Compact(times)
}

func (l Tracks) drawEntry(c *canvas, number int, m TrackEntry, x func(float64) float64) {
	class, y := "entry", trackTop+trackRow*(float64(m.Track)+0.5)
	if m.Bad {
		class += " bad"
	}
	if m.Gap {
		class += " gap"
	}
	from, to := x(m.From), x(m.To)
	if to > from {
		c.addf(`<rect class="%s" x="%s" y="%s" width="%s" height="15" rx="7.5"/>`, class, coordinate(from-7.5), coordinate(y-7.5), coordinate(to-from+15))
	} else {
		c.addf(`<circle class="%s" cx="%s" cy="%s" r="7.5"/>`, class, coordinate(from), coordinate(y))
	}
	c.addText(from, y+3.5, class, "middle", strconv.Itoa(number))
}

// drawTimes labels the first time, the last time and the time of the first bad entry.
func (l Tracks) drawTimes(c *canvas, times []float64, x func(float64) float64, y float64) {
	if len(times) == 0 {
		return
	}
	c.addText(x(times[0])-8, y+15, "tick", "", l.Format(times[0]))
	if len(times) > 1 {
		c.addText(x(times[len(times)-1])+8, y+15, "tick", "end", l.Format(times[len(times)-1]))
	}
	for _, m := range l.Entries {
		if at := x(m.From); m.Bad && at > trackNameWidth+90 && at < chartWidth-110 {
			c.addText(at, y+15, "tick bad", "middle", l.Format(m.From))
			return
		}
	}
}
