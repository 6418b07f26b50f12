package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/internal/browser"
)

// drawAll brings each part of a page into view, until the page's script has drawn it.
const drawAll = `
for (const e of d.querySelectorAll("details.evidence")) e.open = true;
for (const part of d.querySelectorAll(".part")) {
  part.scrollIntoView();
  while (part.dataset.part || !part.querySelector("table, figure")) await new Promise(function (seen) { w.requestAnimationFrame(seen); });
}`

// The policy of the page must allow its script and its styles, and all controls work.
func TestPageWorksInChromium(t *testing.T) {
	page := render(t, renderHTML, saved(t))
	results, console := browser.New(t).Visit(t, `
const failed = [], want = function (what, held) { if (!held) failed.push(what); };
const cell = Array.from(d.querySelectorAll("details.evidence")).pop();
cell.open = false;
w.location.hash = cell.id;
while (!cell.querySelector("table")) await new Promise(function (seen) { w.requestAnimationFrame(seen); });
const place = cell.getBoundingClientRect();
want("evidence that its link opens", cell.open && place.top >= 0 && place.top < w.innerHeight);
`+drawAll+`
const charts = d.querySelectorAll("svg.chart"), shown = function (e) { return w.getComputedStyle(e).display !== "none"; };
want("line charts", charts.length === `+fmt.Sprint(strings.Count(unpacked(t, page), `class="chart"`))+`);
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
const closed = d.querySelector("details.evidence");
closed.open = false;
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
	b := browser.New(t)
	more := bytes.Replace(page, []byte("</main>"), []byte(`<script>document.documentElement.dataset.pwned = 1</script>`+
		`<style>main { display: none }</style><p id="late" style="display: none" onclick="this.dataset.pwned = 1">x</p>`+
		`<img src="`+b.URL()+`/image"></main>`), 1)
	results, console := b.Visit(t, `d.getElementById("late").click();
return [d.documentElement.dataset.pwned, d.getElementById("late").dataset.pwned, w.getComputedStyle(d.querySelector("main")).display, w.getComputedStyle(d.getElementById("late")).display];`, more)
	if results[0] != ",,block,block" || len(b.Requests()) > 0 || len(console) == 0 {
		t.Errorf("a foreign script, style, handler or image had an effect: %q, requests %v, console %q", results[0], b.Requests(), console)
	}
}
