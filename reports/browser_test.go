package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser opens pages in Chromium, and sees what they ask the network for.
type browser struct {
	server *httptest.Server
	driver string
	pages  [][]byte

	mu    sync.Mutex
	asked []string // paths of requests that the pages made
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{}
	b.server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.server.Close)
	return b
}

func (b *browser) serve(w http.ResponseWriter, r *http.Request) {
	var n int
	_, err := fmt.Sscanf(r.URL.Path, "/page/%d", &n)
	switch {
	case r.URL.Path == "/favicon.ico":
	case r.URL.Path == "/":
		fmt.Fprint(w, b.driver)
	case err == nil:
		w.Write(b.pages[n])
	default:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asked = append(b.asked, r.URL.Path)
	}
}

// visit opens the pages in frames of one page, and calls the body of a function with each
// frame's window as w and its document as d. It returns what the calls returned, and what
// the console said.
func (b *browser) visit(t *testing.T, function string, pages ...[]byte) (results []string, console []string) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine to open pages with")
	}
	b.pages, b.driver = pages, "<!doctype html><title>driver</title><body>"
	for n := range pages {
		b.driver += fmt.Sprintf(`<iframe src="/page/%d" width="1200" height="900"></iframe>`, n)
	}
	b.driver += `<script>onload = function () {
const results = Array.from(document.querySelectorAll("iframe"), function (f) {
  try { return String((function (w, d) {` + function + `})(f.contentWindow, f.contentDocument)); } catch (e) { return "error: " + e; }
});
document.body.innerHTML = "";
document.body.appendChild(document.createElement("pre")).textContent = JSON.stringify(results);
}</script>`
	cmd := exec.CommandContext(t.Context(), chromium, append(chromiumFlags(t.TempDir()), "--enable-logging=stderr", "--v=0", "--dump-dom", b.server.URL+"/")...)
	var dom, log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &dom, &log, 10*time.Second
	if err := cmd.Run(); err != nil {
		t.Skipf("chromium does not run here: %v\n%s", err, log.Bytes())
	}
	found := regexp.MustCompile(`(?s)<pre>(.*)</pre>`).FindStringSubmatch(dom.String())
	if found == nil || json.Unmarshal([]byte(html.UnescapeString(found[1])), &results) != nil || len(results) != len(pages) {
		t.Fatalf("the driver has no results of %d pages:\n%.2000s\n%s", len(pages), dom.String(), log.Bytes())
	}
	for _, line := range strings.Split(log.String(), "\n") {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, line)
		}
	}
	return results, console
}

// requests are the paths that pages asked for, other than the pages.
func (b *browser) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

// The policy of the page must allow its script and its styles, and all controls work.
func TestPageWorksInChromium(t *testing.T) {
	page := render(t, renderHTML, saved(t))
	results, console := newBrowser(t).visit(t, `
const failed = [], want = function (what, held) { if (!held) failed.push(what); };
const charts = d.querySelectorAll("svg.chart"), shown = function (e) { return w.getComputedStyle(e).display !== "none"; };
want("line charts", charts.length === `+fmt.Sprint(strings.Count(string(page), `class="chart"`))+`);
want("labels of the charts", Array.from(charts).every(function (c) { return c.hasAttribute("aria-label"); }));
want("styles", w.getComputedStyle(d.querySelector("nav.bar")).position === "sticky");
const box = d.querySelector(".legend input"), line = d.querySelector("path.ln.k0[data-n]");
want("a line", shown(line));
box.click();
want("a line that its switch hides", !shown(line));
const theme = d.getElementById("theme"), ground = w.getComputedStyle(d.body).backgroundColor;
want("a button for the theme", !theme.hidden);
theme.click();
want("another theme", w.getComputedStyle(d.body).backgroundColor !== ground);
const copy = d.querySelector(".copy");
want("a button to copy", !copy.hidden);
copy.click();
want("a selected command", w.getSelection().toString().trim() === copy.parentNode.querySelector("code").textContent);
const closed = d.querySelector("details.evidence:not([open])");
closed.querySelector("summary").click();
want("evidence that opens", closed.open);
const box1 = charts[0].getBoundingClientRect();
charts[0].dispatchEvent(new w.PointerEvent("pointermove", { clientX: box1.left + box1.width / 2, clientY: box1.top + 5 }));
want("values under the pointer", !d.getElementById("tip").hidden && d.getElementById("tip").textContent !== "");
return failed.length ? "without " + failed.join(", ") : "works";`, page)
	if results[0] != "works" {
		t.Errorf("the page is %s", results[0])
	}
	for _, line := range console {
		t.Errorf("the console says: %s", line)
	}
}

// A page without a policy may run any script. The policy names the hash of the only one.
func TestPolicyAllowsNoOtherScript(t *testing.T) {
	page := render(t, renderHTML, saved(t))
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindSubmatch(page)
	if policy == nil || !bytes.HasPrefix(policy[1], []byte("default-src 'none';")) || bytes.Contains(policy[1], []byte("unsafe")) {
		t.Fatalf("the policy of the page is %q", policy)
	}
	b := newBrowser(t)
	more := bytes.Replace(page, []byte("</main>"), []byte(`<script>document.documentElement.dataset.pwned = 1</script>`+
		`<style>main { display: none }</style><p id="late" style="display: none" onclick="this.dataset.pwned = 1">x</p>`+
		`<img src="`+b.server.URL+`/image"></main>`), 1)
	results, console := b.visit(t, `d.getElementById("late").click();
return [d.documentElement.dataset.pwned, d.getElementById("late").dataset.pwned, w.getComputedStyle(d.querySelector("main")).display, w.getComputedStyle(d.getElementById("late")).display];`, more)
	if results[0] != ",,block,block" || len(b.requests()) > 0 || len(console) == 0 {
		t.Errorf("a foreign script, style, handler or image had an effect: %q, requests %v, console %q", results[0], b.requests(), console)
	}
}
