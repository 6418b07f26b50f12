package reports

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// A reader sees what was asked, what each repeat measured, and whether that was enough.
func TestReportsShowObjectives(t *testing.T) {
	c := small()
	cell := &c.Cells[0]
	second := c.Runs[cell.Runs[0]]
	second.Repeat = 2
	c.Runs = append(c.Runs, second)
	cell.Runs = append(cell.Runs, len(c.Runs)-1)
	c.Runs[cell.Runs[0]].Objectives = []harness.ObjectiveResult{
		{Objective: "p99<500ms", Verdict: harness.ObjectiveMet, Measured: "412 ms"},
		{Objective: "recovery<30s", Verdict: harness.ObjectiveMissing, Measured: "-", Why: "the run had no fault", Inapplicable: true},
	}
	c.Runs[cell.Runs[1]].Objectives = []harness.ObjectiveResult{
		{Objective: "p99<500ms", Verdict: harness.ObjectiveMissed, Measured: "812 ms", Why: "812 ms"},
	}
	text := string(render(t, RenderText, c))
	for _, want := range []string{"OBJECTIVES\n", "p99<500ms     missed, met in 1 of 2  412 ms; 812 ms", "recovery<30s  missing                - (the run had no fault)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	page := string(render(t, renderHTML, c))
	for _, want := range []string{"<h3>Objectives</h3>", "<td>p99&lt;500ms</td>", "missed, met in 1 of 2", "412 ms; 812 ms", "(the run had no fault)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	_, units, lines := parseBench(t, string(render(t, renderBench, c)))
	if got, found := lines[0].values["objectives-unmet"]; !found || got != 1 || units["objectives-unmet"] != "lower" {
		t.Errorf("bench.txt has %v objectives that were not met, better=%s", got, units["objectives-unmet"])
	}
	if _, found := lines[1].values["objectives-unmet"]; found {
		t.Error("a run without objectives has a number of them in bench.txt")
	}
}
