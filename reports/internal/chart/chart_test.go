package chart

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestScales(t *testing.T) {
	for _, c := range []struct {
		kind     Kind
		values   []float64
		min, max float64
		ticks    []float64
	}{
		{Linear, []float64{3, 13}, 0, 15, []float64{0, 5, 10, 15}},
		{Linear, []float64{88221}, 0, 100000, []float64{0, 20000, 40000, 60000, 80000, 100000}},
		{Linear, nil, 0, 10, []float64{0, 2, 4, 6, 8, 10}},
		{Linear, []float64{0, math.NaN()}, 0, 1, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{Log, []float64{0.0051, 0.034, 0}, 0.005, 0.05, []float64{0.005, 0.01, 0.02, 0.05}},
		{Log, []float64{0.02, 15}, 0.02, 20, []float64{0.1, 1, 10, 20}},
		{Log, []float64{5}, 2.5, 10, []float64{5, 10}},
		{Log1p, []float64{0, 3984}, 0, 5000, []float64{0, 1, 10, 100, 1000, 5000}},
		{Nines, []float64{0.9994}, 0, 0.9994, []float64{0, 0.5, 0.9, 0.99, 0.999}},
	} {
		s := NewScale(c.kind, c.values...)
		near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }
		if !near(s.Min, c.min) || !near(s.Max, c.max) || !slices.EqualFunc(s.tickValues(), c.ticks, near) {
			t.Errorf("%s %v: %v..%v with ticks %v, want %v..%v with %v", c.kind, c.values, s.Min, s.Max, s.tickValues(), c.min, c.max, c.ticks)
		}
		if s.positionOf(s.Min) != 0 || s.positionOf(s.Max) != 1 || s.positionOf(s.Max*10) != 1 || s.positionOf(s.Min-1) != 0 {
			t.Errorf("%s %v: the ends are not at 0 and 1", c.kind, c.values)
		}
		last := -1.0
		for _, tick := range s.tickValues() {
			if s.positionOf(tick) <= last {
				t.Errorf("%s %v: tick %v is not right of the one before", c.kind, c.values, tick)
			}
			last = s.positionOf(tick)
		}
	}
}

func TestEachNineTakesTheSameRoom(t *testing.T) {
	s := NewScale(Nines, 0.9999)
	if a, b := s.positionOf(0.99)-s.positionOf(0.9), s.positionOf(0.999)-s.positionOf(0.99); math.Abs(a-b) > 1e-9 {
		t.Errorf("the second nine takes %v, the third %v", a, b)
	}
}

func TestThinningKeepsSpikesAndAreas(t *testing.T) {
	var ps []Point
	for i := range 5000 {
		ps = append(ps, Point{float64(i), 1})
	}
	ps[1234].Y, ps[0].Y = 99, math.NaN()
	peaks := Peaks(ps, MaxPoints)
	if len(peaks) > MaxPoints || !slices.Contains(peaks, Point{1234, 99}) {
		t.Errorf("%d points, the spike is among them: %v", len(peaks), slices.Contains(peaks, Point{1234, 99}))
	}
	if math.IsNaN(peaks[0].Y) {
		t.Error("a missing value hides its neighbours")
	}
	ps[0].Y = 1
	sum := 0.0
	for _, p := range Means(ps, 500) {
		sum += p.Y * 10
	}
	if math.Abs(sum-5098) > 1e-6 {
		t.Errorf("the area under the means is %v, want 5098", sum)
	}
	if got := Peaks(ps[:600], 600); len(got) != 600 {
		t.Errorf("600 points became %d", len(got))
	}
}

func lines(points ...Point) Lines {
	format := func(v float64) string { return fmt.Sprint(v) }
	return Lines{
		Title: `a "title" & <more>`,
		X:     Axis{Scale: Scale{Linear, 0, 10}, Title: "s", Format: format, Unit: "time"},
		Y:     Axis{Scale: NewScale(Linear, 10), Title: "n", Format: format, Unit: "count"},
		Spans: []Span{{From: 2, To: 4, Label: "kill <pod>", Class: "fault"}},
		Lines: []Line{{Name: "a&b", Class: "s0", Points: points}},
	}
}

func TestLinesBreakAtGaps(t *testing.T) {
	nan := math.NaN()
	svg := lines(Point{1, nan}, Point{2, 5}, Point{3, 6}, Point{4, nan}, Point{5, 5}, Point{6, nan}, Point{7, 7}).SVG()
	wellFormed(t, svg)
	_, d, _ := strings.Cut(svg, `data-n="a&amp;b" d="`)
	d, _, _ = strings.Cut(d, `"`)
	if strings.Count(d, "M") != 3 || strings.Count(d, "L") != 1 || strings.Count(d, "h0") != 2 || strings.Contains(d, "NaN") {
		t.Errorf("the path is %s, want three pieces, two of them dots", d)
	}
}

func TestDrawingsAreWellFormed(t *testing.T) {
	wellFormed(t, lines().SVG())
	bars := Bars{
		Title: "<t>", X: Axis{Scale: NewScale(Log, 40, 4000), Title: "n", Format: func(v float64) string { return fmt.Sprint(v) }},
		Bars: []Bar{{Name: "<a>", Class: "s0", Text: "40 of 40", Value: 40, Limit: 40}, {Name: "none", Class: "s1"}}, Line: 4400, Label: "offered",
	}
	svg := bars.SVG()
	wellFormed(t, svg)
	if strings.Count(svg, `class="done`) != 1 || strings.Count(svg, `class="room`) != 1 {
		t.Error("want one bar: the other consumer has no value")
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

func TestTracks(t *testing.T) {
	l := Tracks{Title: "t", Names: []string{"a <b>", ""}, Format: func(v float64) string { return fmt.Sprint(v) }, Entries: []TrackEntry{
		{Track: 0, From: 1, To: 1}, {Track: 1, From: 1, To: 5, Bad: true}, {Track: 0, From: 5, To: 5},
	}}
	svg := l.SVG()
	for want, n := range map[string]int{"<circle": 2, "<rect": 1, ">3</text>": 1, "a &lt;b&gt;": 1, `class="entry bad"`: 2} {
		if got := strings.Count(svg, want); got != n {
			t.Errorf("%q %d times, want %d: %s", want, got, n, svg)
		}
	}
	if strings.Contains(Tracks{Format: l.Format}.SVG(), "NaN") {
		t.Error("an empty time line has no positions")
	}
}
