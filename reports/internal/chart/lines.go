package chart

import (
	"math"
	"strings"
)

// Axis is a scale with its words.
type Axis struct {
	Scale  Scale
	Title  string               // Title has the unit.
	Format func(float64) string // Format writes a tick.
	Unit   string               // Unit tells the page's script how to write a value: count, time or quantile.
}

// Line is a series.
type Line struct {
	Name   string
	Class  string // Class has its colour and dash.
	Points []Point
	End    bool // End marks its last point.
}

// Span is a shaded part of the x axis.
type Span struct {
	From, To float64
	Label    string
	Class    string
}

// Mark is a labelled x.
type Mark struct {
	At    float64
	Label string
}

// Lines is a chart of series over an axis.
type Lines struct {
	Title string // Title says what the chart shows, for screen readers.
	X, Y  Axis
	Spans []Span
	Marks []Mark
	Lines []Line
}

// The size of a line chart, in its own units; it scales with the page.
const (
	chartWidth, chartHeight  = 640.0, 284.0
	top, right, bottom, left = 38.0, 14.0, 40.0, 16.0
)

// frame is the plot's place in the drawing.
type frame struct{ x0, x1, y0, y1 float64 } // y0 is the bottom

// SVG is the chart as an element of an HTML page.
func (l Lines) SVG() string {
	f := frame{left, chartWidth - right, chartHeight - bottom, top}
	for _, t := range l.Y.Scale.tickValues() {
		f.x0 = max(f.x0, textWidth(l.Y.Format(t))+14)
	}
	c := new(canvas)
	c.openSVG(chartWidth, chartHeight, l.Title, l.dataAttributes(f))
	l.drawSpans(c, f)
	l.drawAxes(c, f)
	l.drawMarks(c, f)
	for _, line := range l.Lines {
		l.drawLine(c, f, line)
	}
	l.drawLabels(c, f)
	c.WriteString("</svg>")
	return c.String()
}

// dataAttributes tell the page's script how to turn a position back into a value.
func (l Lines) dataAttributes(f frame) string {
	axis := func(name string, a Axis, from, to float64) string {
		return " data-" + name + `="` + strings.Join([]string{string(a.Scale.Kind), exactNumber(a.Scale.Min), exactNumber(a.Scale.Max), coordinate(from), coordinate(to), a.Unit}, ",") + `"`
	}
	return ` class="chart"` + axis("x", l.X, f.x0, f.x1) + axis("y", l.Y, f.y0, f.y1)
}

func (l Lines) placeX(f frame, v float64) float64 { return f.x0 + (f.x1-f.x0)*l.X.Scale.positionOf(v) }
func (l Lines) placeY(f frame, v float64) float64 { return f.y0 + (f.y1-f.y0)*l.Y.Scale.positionOf(v) }

func (l Lines) drawSpans(c *canvas, f frame) {
	for _, s := range l.Spans {
		a, b := l.placeX(f, s.From), l.placeX(f, s.To)
		c.addf(`<rect class="span %s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`,
			s.Class, coordinate(a), coordinate(f.y1), coordinate(max(b-a, 1.5)), coordinate(f.y0-f.y1), escape(s.Label))
	}
}

func (l Lines) drawAxes(c *canvas, f frame) {
	last := math.Inf(1)
	for _, t := range l.Y.Scale.tickValues() {
		y := l.placeY(f, t)
		c.addLine(f.x0, y, f.x1, y, "grid")
		if last-y >= 12 {
			c.addText(f.x0-7, y+3.8, "tick", "end", l.Y.Format(t))
			last = y
		}
	}
	last = math.Inf(-1)
	for _, t := range l.X.Scale.tickValues() {
		x, label := l.placeX(f, t), l.X.Format(t)
		c.addLine(x, f.y0, x, f.y0+4, "axis")
		if half := textWidth(label) / 2; x-half > last+6 {
			c.addText(x, f.y0+16, "tick", "middle", label)
			last = x + half
		}
	}
	c.addLine(f.x0, f.y0, f.x1, f.y0, "axis")
	c.addText(2, 12, "lab", "", l.Y.Title)
	c.addText((f.x0+f.x1)/2, chartHeight-5, "lab", "middle", l.X.Title)
}

func (l Lines) drawMarks(c *canvas, f frame) {
	for _, m := range l.Marks {
		x := l.placeX(f, m.At)
		c.addLine(x, f.y0, x, f.y1, "mark")
	}
}

// drawLabels puts the labels above the plot. Each label takes the first row, from
// the plot upward, where it fits. The title of the y axis limits the rows.
func (l Lines) drawLabels(c *canvas, f frame) {
	var ends []float64 // the x at which each row is free again
	put := func(x float64, s string) {
		if s == "" {
			return
		}
		w := textWidth(s)
		x = max(f.x0, min(x, f.x1-w))
		row := 0
		for row < len(ends) && ends[row] > x {
			row++
		}
		if row == len(ends) {
			ends = append(ends, 0)
		}
		ends[row] = x + w + 6
		c.addText(x, f.y1-6-13*float64(min(row, 1)), "lab halo", "", s)
	}
	for _, s := range l.Spans {
		put(l.placeX(f, s.From), s.Label)
	}
	for _, m := range l.Marks {
		put(l.placeX(f, m.At), m.Label)
	}
}

// drawLine draws a series, broken where a value is missing. A single point is a
// stroke without length, which its round ends turn into a dot.
func (l Lines) drawLine(c *canvas, f frame, line Line) {
	var d strings.Builder
	pen, lone := false, false
	var last Point
	for _, p := range line.Points {
		if math.IsNaN(p.Y) || math.IsInf(p.Y, 0) || p.X < l.X.Scale.Min {
			if lone {
				d.WriteString("h0")
			}
			pen, lone = false, false
			continue
		}
		op := "L"
		if !pen {
			op = "M"
		}
		d.WriteString(op + coordinate(l.placeX(f, p.X)) + " " + coordinate(l.placeY(f, p.Y)))
		lone, pen, last = !pen, true, p
	}
	if d.Len() == 0 {
		return
	}
	if lone {
		d.WriteString("h0")
	}
	c.addf(`<path class="ln %s" data-n="%s" d="%s"/>`, line.Class, escape(line.Name), d.String())
	if line.End {
		c.addf(`<circle class="end %s" cx="%s" cy="%s" r="3.2"/>`, line.Class, coordinate(l.placeX(f, last.X)), coordinate(l.placeY(f, last.Y)))
	}
}
