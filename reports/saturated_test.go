package reports

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// The latencies of a machine without room are marked in each form of a report.
func TestSaturatedLatenciesAreMarked(t *testing.T) {
	const why = "the processors were 97 % busy"
	c := saved(t)
	for i := range c.Cells {
		c.Cells[i].Saturated = true
	}
	for i := range c.Runs {
		c.Runs[i].Saturated = why
	}
	text, page, bench := string(render(t, RenderText, c)), unpacked(t, render(t, renderHTML, c)), string(render(t, renderBench, c))
	for name, form := range map[string]string{"text": text, "page": page} {
		for _, want := range []string{why, "latencies* are of the machine, which had no room"} {
			if !strings.Contains(form, want) {
				t.Errorf("the %s does not say %q", name, want)
			}
		}
	}
	if strings.Contains(bench, "p99-e2e-sec") || !strings.Contains(bench, "p99-e2e-saturated-sec") {
		t.Error("bench.txt does not keep latencies of a saturated machine apart")
	}
	if v := latencyColumn(0.99)(newView(c), firstWithCurves(t, c)).Value; !strings.HasSuffix(v, saturatedMark) {
		t.Errorf("p99 is %q: want it marked by %s", v, saturatedMark)
	}
}

// firstWithCurves is a cell that has latencies.
func firstWithCurves(t *testing.T, c *harness.Comparison) *harness.Cell {
	for i := range c.Cells {
		if curveOf(&c.Cells[i], everyRecord) != nil {
			return &c.Cells[i]
		}
	}
	t.Fatal("no cell has latencies")
	return nil
}
