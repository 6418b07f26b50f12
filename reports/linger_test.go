package reports

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Each form of a report says under which linger its latencies were measured.
func TestLingerStandsNextToTheLatencies(t *testing.T) {
	for of, want := range map[time.Duration][2]string{
		25 * time.Millisecond: {"linger 25 ms", "0.025 linger-sec"},
		harness.NoLinger:      {"no linger", "\t0 linger-sec"},
	} {
		c := saved(t)
		for i := range c.Scenarios {
			c.Scenarios[i].Linger = of
		}
		text, page, bench := string(render(t, RenderText, c)), unpacked(t, render(t, renderHTML, c)), string(render(t, renderBench, c))
		if row := c.Scenarios[0].Name + ", " + want[0]; !strings.Contains(text, row) {
			t.Errorf("the text does not say %q", row)
		}
		if !strings.Contains(page, want[0]) {
			t.Errorf("the page does not say %q", want[0])
		}
		_, _, lines := parseBench(t, bench)
		if got := strings.Count(bench, want[1]); got != len(lines) {
			t.Errorf("%q stands in %d of %d lines of bench.txt", want[1], got, len(lines))
		}
	}
}

func TestResultWithoutLingerSaysNone(t *testing.T) {
	c := saved(t)
	for i := range c.Scenarios {
		c.Scenarios[i].Linger = 0
	}
	for name, form := range map[string]string{"text": string(render(t, RenderText, c)), "page": unpacked(t, render(t, renderHTML, c)), "bench": string(render(t, renderBench, c))} {
		if spoken := regexp.MustCompile(`linger \d|no linger|linger-sec`).FindString(form); spoken != "" {
			t.Errorf("the %s speaks of %q", name, spoken)
		}
	}
}
