package chart

// Bar is a value and its own limit.
type Bar struct {
	Name, Class  string
	Text         string // Text says the value in words, at the right.
	Value, Limit float64
}

// Bars is a chart of values and their limits, one row for each.
type Bars struct {
	Title string
	X     Axis // X must be of kind Log.
	Bars  []Bar
	Line  float64 // Line is a value marked in all rows; 0 for no mark.
	Label string  // Label names Line.
}

const barTop = 30.0

// manyBars is the number of bars from which the rows are lower.
const manyBars = 9

// Tall reports whether the chart is about twice as high as a chart of lines.
func (b Bars) Tall() bool { return len(b.Bars) >= manyBars }

// rowSizes are the height of a row and of the bar in it.
func (b Bars) rowSizes() (row, height float64) {
	if b.Tall() {
		return 34, 9
	}
	return 50, 15
}

// SVG is the chart as an element of an HTML page. A bar on a logarithmic scale
// starts at the scale's left end, which the ticks show.
func (b Bars) SVG() string {
	c := new(canvas)
	row, height := b.rowSizes()
	f := frame{x0: 6, x1: chartWidth - right - 6, y0: barTop + row*float64(len(b.Bars)) + 4, y1: barTop - 6}
	c.openSVG(chartWidth, f.y0+38, b.Title, ` class="bars"`)
	x := func(v float64) float64 { return f.x0 + (f.x1-f.x0)*b.X.Scale.positionOf(v) }
	for _, t := range b.X.Scale.tickValues() {
		c.addLine(x(t), f.y0, x(t), f.y1, "grid")
		anchor := "middle"
		if x(t) < f.x0+8 {
			anchor = "start"
		} else if x(t) > f.x1-8 {
			anchor = "end"
		}
		c.addText(x(t), f.y0+15, "tick", anchor, b.X.Format(t))
	}
	for i, bar := range b.Bars {
		b.drawBar(c, f, bar, barTop+row*float64(i), height, x)
	}
	if b.Line > 0 {
		for i := range b.Bars { // only at the bars: a line through the words is hard to read
			y := barTop + row*float64(i) + 18
			c.addLine(x(b.Line), y, x(b.Line), y+height+6, "mark")
		}
		at, anchor := x(b.Line)-4, "end"
		if at < textWidth(b.Label) {
			at, anchor = x(b.Line)+4, "start"
		}
		c.addText(at, 14, "lab halo", anchor, b.Label)
	}
	c.addText((f.x0+f.x1)/2, f.y0+33, "lab", "middle", b.X.Title)
	c.WriteString("</svg>")
	return c.String()
}

func (b Bars) drawBar(c *canvas, f frame, bar Bar, y, height float64, x func(float64) float64) {
	rect := func(class string, to float64) {
		c.addf(`<rect class="%s %s" x="%s" y="%s" width="%s" height="%s" rx="2"/>`,
			class, bar.Class, coordinate(f.x0), coordinate(y+20), coordinate(max(x(to)-f.x0, 1)), coordinate(height))
	}
	if bar.Limit > 0 {
		rect("room", bar.Limit)
	}
	if bar.Value > 0 {
		rect("done", bar.Value)
	}
	if bar.Limit > 0 {
		c.addLine(x(bar.Limit), y+18, x(bar.Limit), y+20+height+4, "limit "+bar.Class)
	}
	c.addText(f.x0, y+14, "name halo "+bar.Class, "", bar.Name)
	c.addText(f.x1, y+14, "value halo "+bar.Class, "end", bar.Text)
}
