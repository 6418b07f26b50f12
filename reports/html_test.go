package reports

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestHTMLNeedsNoNetwork(t *testing.T) {
	page := string(render(t, HTML, fixture()))
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

// Names and texts of a run are data: none may become markup.
func TestHTMLEscapes(t *testing.T) {
	c := fixture()
	const evil = `<script>alert(1)</script>"'><img src=x>`
	c.Consumers[0].Name, c.Consumers[0].Base, c.Command, c.Scenarios[3].Doc = evil, evil, evil, evil
	for i := range c.Runs {
		if c.Runs[i].Consumer == "serial@cooperative" {
			c.Runs[i].Consumer = evil
		}
		for j := range c.Runs[i].Faults {
			c.Runs[i].Faults[j].Name = evil
		}
		c.Runs[i].Pods[0].Stderr = evil
	}
	for i := range c.Cells {
		if c.Cells[i].Consumer == "serial@cooperative" {
			c.Cells[i].Consumer = evil
		}
	}
	page := string(render(t, HTML, c))
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("a name became markup")
	}
	if n := strings.Count(page, "<script>"); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
}

func TestHTMLCharts(t *testing.T) {
	page := string(render(t, HTML, fixture()))
	if got, want := strings.Count(page, `<svg viewBox="0 0 640`), 5*6+1; got != want {
		t.Errorf("%d charts, want %d", got, want)
	}
	if got := strings.Count(page, `class="span fault"`); got != 2*4 {
		t.Errorf("%d shaded faults, want 4 charts in each of 2 scenarios", got)
	}
	for _, want := range []string{
		"Not reported: serial (overload).", "Not reported: naive (failed).",
		"39.7/s of 39.8/s, 99.6 %", "3,962/s of 3,984/s, 99.4 %", "99.8 times",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// An empty comparison, one cut short by a signal, and runs without any series
// must render too.
func TestPoorComparisons(t *testing.T) {
	interrupted := fixture()
	interrupted.Interrupted = true
	interrupted.Runs, interrupted.Cells = interrupted.Runs[:4], interrupted.Cells[:4]
	bare := fixture()
	for i := range bare.Runs {
		r := &bare.Runs[i]
		*r = harness.Run{Scenario: r.Scenario, Consumer: r.Consumer, Repeat: 1, Status: r.Status}
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
	if page := render(t, HTML, interrupted); !bytes.Contains(page, []byte("Interrupted: 4 of 15 runs")) {
		t.Error("the page does not say that the comparison was interrupted")
	}
}

// Chromium must run the page's script without a complaint and keep all charts.
func TestHTMLInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine to open the page with")
	}
	dir := t.TempDir()
	page := dir + "/report.html"
	if err := os.WriteFile(page, render(t, HTML, fixture()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--v=0",
		"--user-data-dir="+dir+"/profile", "--dump-dom", "file://"+page)
	var dom, log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &dom, &log, 10*time.Second
	if err := cmd.Run(); err != nil {
		t.Skipf("chromium does not run here: %v\n%s", err, log.Bytes())
	}
	if got := bytes.Count(dom.Bytes(), []byte(`aria-label=`)); got < 25 {
		t.Errorf("the script reached %d elements, want the 25 line charts at least", got)
	}
	if got := bytes.Count(dom.Bytes(), []byte(`<svg viewBox="0 0 640`)); got != 31 {
		t.Errorf("%d charts in the page, want 31", got)
	}
	for _, line := range strings.Split(log.String(), "\n") {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the console says: %s", line)
		}
	}
}
