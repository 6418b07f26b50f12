package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/stampede-bench/stampede/harness/capacity"
)

// heatMap shows the capacity of one consumer over two values of a sweep.
type heatMap struct {
	Title, RowName, ColumnName string
	Columns                    []string
	Rows                       []heatRow
}

type heatRow struct {
	Name  string
	Cells []heatCell
}

type heatCell struct {
	Value, Why string
	Level      int  // Level is the shade, 0 to 9: of the logarithm of the capacity.
	Holds      bool // Holds: the capacity is at least the rate of the scenario.
}

// heatMaps are the maps of a sweep over two values or three. The third makes more maps.
func heatMaps(r *capacity.Report) (maps []heatMap) {
	var names []string
	groups := map[string][]*capacity.Answer{}
	for i := range r.Answers {
		a := &r.Answers[i]
		n := len(a.Setup)
		if n < 2 {
			continue
		}
		title := a.Consumer.Name
		for _, s := range a.Setup[:n-2] {
			title += ", " + s.Name + " " + s.Value
		}
		if groups[title] == nil {
			names = append(names, title)
		}
		groups[title] = append(groups[title], a)
	}
	for _, name := range names {
		maps = append(maps, newHeatMap(name, groups[name]))
	}
	return maps
}

func newHeatMap(title string, answers []*capacity.Answer) heatMap {
	first := answers[0].Setup[len(answers[0].Setup)-2:]
	m := heatMap{Title: title, RowName: first[0].Name, ColumnName: first[1].Name}
	low, high := math.Inf(1), 0.0
	for _, a := range answers {
		if load, ok := a.Capacity(); ok {
			low, high = min(low, load), max(high, load)
		}
	}
	for _, a := range answers {
		set := a.Setup[len(a.Setup)-2:]
		if !slices.Contains(m.Columns, set[1].Value) {
			m.Columns = append(m.Columns, set[1].Value)
		}
		if n := len(m.Rows); n == 0 || m.Rows[n-1].Name != set[0].Value {
			m.Rows = append(m.Rows, heatRow{Name: set[0].Value})
		}
		row := &m.Rows[len(m.Rows)-1]
		row.Cells = append(row.Cells, newHeatCell(a, low, high))
	}
	return m
}

func newHeatCell(a *capacity.Answer, low, high float64) heatCell {
	c := heatCell{Value: missing, Why: a.Failed}
	load, ok := a.Capacity()
	if !ok {
		return c
	}
	c.Value = formatCount(load)
	if high > low {
		c.Level = int(9 * math.Log(load/low) / math.Log(high/low))
	}
	if b, has := capacity.Tightest(a.Bounds); has {
		c.Why = fmt.Sprintf("%s of the bound: %s", shareOfBound(a), b.Why)
	}
	c.Holds = a.Asked > 0 && load >= a.Asked
	return c
}
