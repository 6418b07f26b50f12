package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// canvas collects SVG.
type canvas struct{ strings.Builder }

func (c *canvas) addf(format string, args ...any) { fmt.Fprintf(c, format, args...) }

// openSVG starts a drawing. The title is for screen readers.
func (c *canvas) openSVG(width, height float64, title, attrs string) {
	c.addf(`<svg viewBox="0 0 %s %s" role="img"%s><title>%s</title>`, coordinate(width), coordinate(height), attrs, escape(title))
}

func (c *canvas) addText(x, y float64, class, anchor, s string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	c.addf(`<text x="%s" y="%s" class="%s"%s>%s</text>`, coordinate(x), coordinate(y), class, anchor, escape(s))
}

func (c *canvas) addLine(x1, y1, x2, y2 float64, class string) {
	c.addf(`<path class="%s" d="M%s %sL%s %s"/>`, class, coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2))
}

// escape makes text safe between tags and in attributes.
func escape(s string) string { return html.EscapeString(strings.ToValidUTF8(s, "\uFFFD")) }

// coordinate writes a coordinate in tenths of a unit, the finest that shows.
func coordinate(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // no -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// exactNumber writes a number without loss, for the page's script.
func exactNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// textWidth estimates how wide a text of a chart is, in its units.
func textWidth(s string) float64 { return 6.3 * float64(len([]rune(s))) }
