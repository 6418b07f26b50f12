package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// StripDot is one value of a strip.
type StripDot struct {
	At    float64
	Class string // Class has the looks, as "held short".
	Tip   string
}

// Strip shows values along one axis, one dot above the other where they come in order: what a search
// tried.
type Strip struct {
	Title    string
	Unit     string
	Dots     []StripDot
	From, To float64 // From and To are a shaded interval; none if To is not above From.
	Bound    float64 // Bound is a line with a name, 0 for none.
	BoundIs  string
}

const (
	stripWidth = 760.0
	stripLeft  = 24.0
	stripRow   = 13.0
)

// SVG draws the strip. Its height follows from the number of dots.
func (s *Strip) SVG() string {
	values := []float64{}
	for _, d := range s.Dots {
		values = append(values, d.At)
	}
	if s.Bound > 0 {
		values = append(values, s.Bound)
	}
	scale := tightScale(values)
	x := func(v float64) float64 { return stripLeft + scale.positionOf(v)*(stripWidth-2*stripLeft) }
	bottom := 24 + stripRow*float64(len(s.Dots))
	var c canvas
	c.openSVG(stripWidth, bottom+22, s.Title, "")
	if s.To > s.From {
		c.addf(`<rect class="between" x="%s" y="14" width="%s" height="%s"/>`, coordinate(x(s.From)), coordinate(max(1, x(s.To)-x(s.From))), coordinate(bottom-14))
	}
	c.addLine(stripLeft, bottom, stripWidth-stripLeft, bottom, "axis")
	for _, t := range tightTicks(scale) {
		c.addLine(x(t), 14, x(t), bottom, "grid")
		c.addText(x(t), bottom+15, "lab", "middle", strings.TrimSpace(fmt.Sprintf("%.6g", t)))
	}
	c.addText(stripWidth-stripLeft, 9, "lab", "end", s.Unit)
	if s.Bound > 0 {
		c.addLine(x(s.Bound), 14, x(s.Bound), bottom, "bound")
		c.addText(x(s.Bound), 9, "lab halo", "middle", s.BoundIs)
	}
	for i, d := range s.Dots {
		c.addf(`<circle class="dot %s" cx="%s" cy="%s" r="4.5"><title>%s</title></circle>`, escape(d.Class), coordinate(x(d.At)), coordinate(22+stripRow*float64(i)), escape(d.Tip))
	}
	c.addf("</svg>")
	return c.String()
}

// tightScale is linear between the ends of the values, with some room.
func tightScale(values []float64) Scale {
	if len(values) == 0 {
		return NewScale(Linear)
	}
	lo, hi := slices.Min(values), slices.Max(values)
	room := max((hi-lo)*0.06, hi*0.01)
	return Scale{Kind: Linear, Min: max(0, lo-room), Max: hi + room}
}

// tightTicks are about six round values of a scale that does not begin at 0.
func tightTicks(s Scale) (ticks []float64) {
	step := ceil125((s.Max - s.Min) / 6)
	for i := math.Ceil(s.Min/step - 1e-9); i*step <= s.Max; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}
