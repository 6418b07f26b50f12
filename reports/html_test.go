package reports

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

func TestHTMLNeedsNoNetwork(t *testing.T) {
	page := unpacked(t, render(t, renderHTML, saved(t)))
	if m := regexp.MustCompile(`(?i)(src|href|action|poster|srcset)\s*=\s*["']?\s*(https?:|//)[^"' >]*|url\([^)]*\)|@import[^;]*`).FindString(page); m != "" {
		t.Errorf("the page asks for %s", m)
	}
	if !strings.Contains(page, `content="default-src 'none';`) {
		t.Error("the page has no policy against requests")
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+m[1]+`"`) {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
}

// unpacked is a page with its parts as the page's script would draw them.
func unpacked(t *testing.T, page []byte) string {
	t.Helper()
	return packed.ReplaceAllStringFunc(string(page), func(block string) string {
		deflated, err := base64.StdEncoding.DecodeString(packed.FindStringSubmatch(block)[1])
		if err != nil {
			t.Fatal(err)
		}
		plain, err := zlib.NewReader(bytes.NewReader(deflated))
		if err != nil {
			t.Fatal(err)
		}
		var parts map[string]string
		if err := json.NewDecoder(plain).Decode(&parts); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			fmt.Fprintf(&all, "<!-- part %s -->\n%s\n", name, parts[name])
		}
		return all.String()
	})
}

var packed = regexp.MustCompile(`<script type="text/plain" class="packed">([^<]*)</script>`)

// Most elements of a large page would be in charts and evidence.
func TestPageHasChartsAndEvidenceOnlyPacked(t *testing.T) {
	page := render(t, renderHTML, saved(t))
	all := unpacked(t, page)
	for _, part := range []string{`<figure`, `<h4>Runs</h4>`, `<h4>Phases</h4>`} {
		if bytes.Contains(page, []byte(part)) || !strings.Contains(all, part) {
			t.Errorf("%s is in the page itself, or in no part", part)
		}
	}
	for _, first := range []string{`class="cell pass"`, `class="tracks"`, `<table class="results">`, "Recovery from", "<summary>"} {
		if !bytes.Contains(page, []byte(first)) {
			t.Errorf("%s is not in the page itself", first)
		}
	}
}

// Names and texts of a run are data and never become markup.
func TestHTMLEscapesNamesAndTexts(t *testing.T) {
	c := saved(t)
	const evil = `<script>alert(1)</script>"'><img src=x>`
	c.Consumers[0].Name, c.Consumers[0].Base, c.Command, c.Scenarios[3].Doc = evil, evil, evil, evil
	for i := range c.Runs {
		if c.Runs[i].Consumer == "serial@cooperative" {
			c.Runs[i].Consumer = evil
		}
		for j := range c.Runs[i].Faults {
			c.Runs[i].Faults[j].Name = evil
		}
		for j := range c.Runs[i].Pods {
			c.Runs[i].Pods[j].Stderr = evil
		}
	}
	for i := range c.Cells {
		if c.Cells[i].Consumer == "serial@cooperative" {
			c.Cells[i].Consumer = evil
		}
	}
	page := unpacked(t, render(t, renderHTML, c))
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("a name became markup")
	}
	if n := strings.Count(page, "<script>"); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
}

func TestHTMLCharts(t *testing.T) {
	c := saved(t)
	page := unpacked(t, render(t, renderHTML, c))
	timelines := len(regexp.MustCompile(`class="tracks"`).FindAllString(page, -1))
	if got, want := strings.Count(page, `<svg viewBox="0 0 640`), 6*len(c.Scenarios)+timelines; got != want {
		t.Errorf("%d charts, want %d", got, want)
	}
	if got := strings.Count(page, `class="span fault"`); got != 4*3 {
		t.Errorf("%d shaded faults, want 4 charts in each of 3 scenarios", got)
	}
	for _, want := range []string{
		"Not reported: serial (overload) and naive (failed).", "/s of 4,000/s: 100 %", "(records/s)", "checks passed", simulatedBroker,
		"expected to fail", "work in flight", "Reproduce:",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// A command is never broken within a flag and its value.
func TestCommandParts(t *testing.T) {
	got := commandParts("go test -tags synctests -v -run '^A$/^b c$' -broker=virtual '-consumer=x y'")
	want := []string{"go", "test", "-tags synctests", "-v", "-run '^A$/^b c$'", "-broker=virtual", "'-consumer=x y'"}
	if !slices.Equal(got, want) || commandParts("") != nil {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// With many consumers the legend has one group for each claim, and six of the
// consumers are visible at first, controls not among them.
func TestLegendOfManyConsumers(t *testing.T) {
	c := small()
	for n := range 9 {
		c.Consumers = append(c.Consumers, harness.ConsumerInfo{Name: fmt.Sprint("more-", n), Delivery: harness.AtLeastOnce, Order: harness.OrderKey})
	}
	page := string(render(t, renderHTML, c))
	if got := strings.Count(page, `<input type="checkbox" checked`); got != visibleAtFirst {
		t.Errorf("%d consumers are visible at first, want %d", got, visibleAtFirst)
	}
	if !strings.Contains(page, `class="ln k3 s2 d2"`) { // the third that is shown, after serial and keyed
		t.Error("the consumers that are shown do not have the first looks")
	}
	last := -1
	for _, claim := range []string{"order by partition", "order by key", "control"} {
		at := strings.Index(page, "<legend>at-least-once, "+claim)
		if claim == controlClaim {
			at = strings.Index(page, "<legend>"+claim)
		}
		if at < last {
			t.Errorf("the group %q is not where it should be", claim)
		}
		last = at
	}
	if !strings.Contains(page, `body:has(#show11:not(:checked))`) {
		t.Error("the switch of the last consumer has no style")
	}
}

// An empty comparison, an interrupted one, and runs without any series render too.
func TestEmptyAndInterruptedComparisonsRender(t *testing.T) {
	interrupted := saved(t)
	interrupted.Interrupted = true
	interrupted.Runs, interrupted.Cells = interrupted.Runs[:4], interrupted.Cells[:4]
	interrupted.Planned = 15
	bare := saved(t)
	for i := range bare.Runs {
		r := &bare.Runs[i]
		*r = harness.Run{Scenario: r.Scenario, Consumer: r.Consumer, Repeat: 1, Status: r.Status}
	}
	for i := range bare.Cells {
		bare.Cells[i].Curves = nil
	}
	bare.Runs[0].Status, bare.Cells[0].Status = harness.Skipped, harness.Skipped
	for name, c := range map[string]*harness.Comparison{"empty": {}, "interrupted": interrupted, "bare": bare} {
		t.Run(name, func(t *testing.T) {
			for _, f := range forms {
				if len(render(t, f.render, c)) == 0 {
					t.Errorf("%s is empty", f.file)
				}
			}
		})
	}
	if page := render(t, renderHTML, interrupted); !bytes.Contains(page, []byte("Interrupted after 4 of 15 runs")) {
		t.Error("the page does not say that the comparison was interrupted")
	}
}
