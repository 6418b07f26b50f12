package reports

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/stampede-bench/stampede/harness/plain"
)

// table aligns rows of text. Column number right and those after it are flush right.
type table struct {
	right int
	rows  [][]string
}

func (t *table) addRow(cells ...string) { t.rows = append(t.rows, plain.Map(cells, plain.Line)) }

func (t *table) columnWidths() []int {
	var ws []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(ws) {
				ws = append(ws, 0)
			}
			ws[i] = max(ws[i], utf8.RuneCountInString(cell))
		}
	}
	return ws
}

// totalWidth is the width of the table without its indent.
func (t *table) totalWidth() int {
	total := 0
	for _, w := range t.columnWidths() {
		total += w + 2
	}
	return total - 2
}

// writeTo writes the table, indented by two.
func (t *table) writeTo(w io.Writer) {
	ws := t.columnWidths()
	for _, row := range t.rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", ws[i]-utf8.RuneCountInString(cell))
			if i >= t.right {
				cell, pad = pad+cell, ""
			}
			b.WriteString("  " + cell + pad)
		}
		io.WriteString(w, strings.TrimRight(b.String(), " ")+"\n")
	}
}

// wrap breaks text into lines of at most width, indented.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	col := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if col > 0 && col+1+n > width {
			b.WriteByte('\n')
			col = 0
		}
		if col == 0 {
			b.WriteString(indent)
			col = len(indent)
		} else {
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += n
	}
	return b.String() + "\n"
}
