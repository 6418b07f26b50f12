package chart

// Bar is a value against its own limit.
type Bar struct {
	Name, Class  string
	Text         string // Text says the value in words, at the right.
	Value, Limit float64
}

// Bars is a chart of values against limits, one row each.
type Bars struct {
	Title string
	X     Axis // X must be of kind Log.
	Bars  []Bar
	Line  float64 // Line is a value marked in all rows. 0: none.
	Label string  // Label names Line.
}

const barRow, barTop, barHeight = 50.0, 30.0, 15.0

// SVG is the chart as an element of an HTML page. A bar on a logarithmic scale
// starts at the scale's left end; the ticks say where that is.
func (b Bars) SVG() string {
	c := new(canvas)
	f := frame{x0: 6, x1: chartWidth - right - 6, y0: barTop + barRow*float64(len(b.Bars)) + 4, y1: barTop - 6}
	c.open(chartWidth, f.y0+38, b.Title, ` class="bars"`)
	x := func(v float64) float64 { return f.x0 + (f.x1-f.x0)*b.X.Scale.At(v) }
	for _, t := range b.X.Scale.ticks() {
		c.line(x(t), f.y0, x(t), f.y1, "grid")
		anchor := "middle"
		if x(t) < f.x0+8 {
			anchor = "start"
		} else if x(t) > f.x1-8 {
			anchor = "end"
		}
		c.text(x(t), f.y0+15, "tick", anchor, b.X.Format(t))
	}
	for i, bar := range b.Bars {
		b.bar(c, f, bar, barTop+barRow*float64(i), x)
	}
	if b.Line > 0 {
		for i := range b.Bars { // beside the words, not through them
			y := barTop + barRow*float64(i) + 18
			c.line(x(b.Line), y, x(b.Line), y+barHeight+6, "mark")
		}
		at, anchor := x(b.Line)-4, "end"
		if at < width(b.Label) {
			at, anchor = x(b.Line)+4, "start"
		}
		c.text(at, 14, "lab halo", anchor, b.Label)
	}
	c.text((f.x0+f.x1)/2, f.y0+33, "lab", "middle", b.X.Title)
	c.WriteString("</svg>")
	return c.String()
}

func (b Bars) bar(c *canvas, f frame, bar Bar, y float64, x func(float64) float64) {
	rect := func(class string, to float64) {
		c.addf(`<rect class="%s %s" x="%s" y="%s" width="%s" height="%s" rx="2"/>`,
			class, bar.Class, num(f.x0), num(y+20), num(max(x(to)-f.x0, 1)), num(barHeight))
	}
	if bar.Limit > 0 {
		rect("room", bar.Limit)
	}
	if bar.Value > 0 {
		rect("done", bar.Value)
	}
	if bar.Limit > 0 {
		c.line(x(bar.Limit), y+18, x(bar.Limit), y+20+barHeight+4, "limit "+bar.Class)
	}
	c.text(f.x0, y+14, "name halo "+bar.Class, "", bar.Name)
	c.text(f.x1, y+14, "value halo "+bar.Class, "end", bar.Text)
}
