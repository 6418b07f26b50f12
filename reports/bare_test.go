package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// withBare is the saved comparison with bare clients that took half of the p50 and twice the p99 of
// the first design of steady.
func withBare(t *testing.T, saturated string) (c *harness.Comparison, of *harness.Cell) {
	c = saved(t)
	of = firstWithCurves(t, c)
	curve := curveOf(of, everyRecord)
	p50, _ := latencyAt(curve, 0.5)
	p99, _ := latencyAt(curve, 0.99)
	rate := c.Runs[of.Runs[0]].Completed
	for _, when := range []string{"before", "after"} {
		b := harness.Baseline{Scenario: of.Scenario, When: when, Completed: rate}
		b.EndToEnd.N, b.EndToEnd.P50, b.EndToEnd.P99 = 10, time.Duration(p50/2*1e9), time.Duration(2*p99*1e9)
		c.Baselines = append(c.Baselines, b)
	}
	c.Baselines[1].Saturated = saturated
	return c, of
}

func TestDesignsAreComparedWithBareClients(t *testing.T) {
	c, of := withBare(t, "")
	row := newView(c).bareRows(of.Scenario)[2]
	if row.Values[1] != "2.00" || row.Values[3] != "0.50" || row.Values[5] != "1.00" {
		t.Errorf("the ratios are %v, want 2.00, 0.50 and 1.00", row.Values)
	}
	for name, form := range map[string]string{"text": string(render(t, RenderText, c)), "page": unpacked(t, render(t, renderHTML, c))} {
		for _, want := range []string{"bare clients, before", "bare clients, after", row.Values[0]} {
			if !strings.Contains(form, want) {
				t.Errorf("the %s does not say %q", name, want)
			}
		}
	}
	_, _, lines := parseBench(t, string(render(t, renderBench, c)))
	own := 0
	for _, l := range lines {
		if strings.Contains(l.name, "/consumer=bare-") {
			own++
		}
	}
	if lines[0].values["rate-of-bare"] != 1 || lines[0].values["p50-of-bare"] == 0 || own != 2 {
		t.Errorf("bench.txt has the ratios %v and %d lines of bare clients", lines[0].values, own)
	}
	if rows := newView(c).bareRows("hot-key"); rows != nil {
		t.Errorf("a scenario without bare clients has %v", rows)
	}
}

// One saturated run of bare clients marks each ratio to them.
func TestSaturatedBareClientsMarkTheRatios(t *testing.T) {
	c, of := withBare(t, "the processors were 97 % busy")
	rows := newView(c).bareRows(of.Scenario)
	if own := rows[0].Values; strings.HasSuffix(own[0], saturatedMark) || !strings.HasSuffix(rows[1].Values[0], saturatedMark) {
		t.Error("only the second run of bare clients had no room")
	}
	if v := rows[2].Values; strings.HasSuffix(v[0], saturatedMark) || !strings.HasSuffix(v[1], saturatedMark) || !strings.HasSuffix(v[3], saturatedMark) || !strings.HasSuffix(v[5], saturatedMark) {
		t.Errorf("the design has %v: want its ratios marked, and not its own latencies", v)
	}
	bench := string(render(t, renderBench, c))
	if !strings.Contains(bench, "p50-of-bare-saturated") || strings.Contains(bench, "p50-of-bare\t") {
		t.Error("bench.txt does not keep ratios to a saturated machine apart")
	}
	if !strings.Contains(string(render(t, RenderText, c)), "bare clients, repeat") {
		t.Error("no warning names the bare clients without room")
	}
}
