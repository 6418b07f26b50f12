package reports

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// Each form of a report says where the latency goes, and marks a saturated machine there too.
func TestStagesOfTheLatencyAreInEachForm(t *testing.T) {
	c := saved(t)
	cell := firstWithCurves(t, c)
	r := &c.Runs[cell.Runs[0]]
	r.Stages = &harness.LatencyStages{Unfetched: 3}
	for i, name := range harness.StageNames {
		q := harness.Quantiles{N: 10, P50: 12_300_000, P99: 45_600_000}
		r.Stages.Parts = append(r.Stages.Parts, harness.LatencyStage{Name: name, Share: 0.1 * float64(i), Latency: q})
	}
	const value, note = "40.0, 12.3/45.6", " did not say when it fetched some records on "
	text, page, bench := string(render(t, RenderText, c)), unpacked(t, render(t, renderHTML, c)), string(render(t, renderBench, c))
	for name, form := range map[string]string{"text": text, "page": page} {
		for _, want := range []string{value, strings.TrimSpace(note)} {
			if !strings.Contains(strings.Join(strings.Fields(form), " "), want) {
				t.Errorf("the %s does not say %q", name, want)
			}
		}
	}
	for _, want := range []string{"0.4 of-latency-work", "0.0123 p50-acked-to-fetched-sec", "0.0456 p99-due-to-sent-sec"} {
		if !strings.Contains(bench, want) {
			t.Errorf("bench.txt does not have %q", want)
		}
	}
	cell.Saturated, r.Saturated = true, "the processors were 97 % busy"
	if text := string(render(t, RenderText, c)); !strings.Contains(text, value+saturatedMark) {
		t.Error("the text does not mark the stages of a saturated machine")
	}
	if bench := string(render(t, renderBench, c)); !strings.Contains(bench, "p50-work-saturated-sec") {
		t.Error("bench.txt does not keep stages of a saturated machine apart")
	}
}
