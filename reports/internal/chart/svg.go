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

// open starts a drawing. The title names it for who cannot see it.
func (c *canvas) open(width, height float64, title, attrs string) {
	c.addf(`<svg viewBox="0 0 %s %s" role="img"%s><title>%s</title>`, num(width), num(height), attrs, esc(title))
}

func (c *canvas) text(x, y float64, class, anchor, s string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	c.addf(`<text x="%s" y="%s" class="%s"%s>%s</text>`, num(x), num(y), class, anchor, esc(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.addf(`<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

// esc makes text safe between tags and in attributes.
func esc(s string) string { return html.EscapeString(strings.ToValidUTF8(s, "\uFFFD")) }

// num is a coordinate with a tenth of a unit, the finest that shows.
func num(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // no -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// exact is a number without loss, for the page's script.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// width estimates how wide a text of a chart is, in its units.
func width(s string) float64 { return 6.3 * float64(len([]rune(s))) }
