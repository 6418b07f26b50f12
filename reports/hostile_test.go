package reports

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/harness/plain/plaintest"
	"github.com/stampede-bench/stampede/internal/browser"
)

type namedRenderer struct {
	name   string
	render renderer
	check  func(t *testing.T, text string)
}

// renderers are all functions that write foreign text, with what only their form has to
// hold. TestEachRendererIsInTheTable finds those that are missing.
var renderers = []namedRenderer{
	{"RenderText", RenderText, nothingForged},
	{"renderJSON", renderJSON, nothingForged},
	{"renderBench", renderBench, nothingForged},
	{"renderHTML", renderHTML, func(t *testing.T, page string) { // see also the test in Chromium
		if harm := plaintest.Harm(unpacked(t, []byte(page))); harm != "" {
			t.Errorf("its parts have %s", harm)
		}
	}},
	{"Verdicts", func(w io.Writer, c *harness.Comparison) error {
		for _, r := range c.Runs {
			if err := Verdicts(w, r.Verdicts); err != nil {
				return err
			}
		}
		return nil
	}, nothingForged},
	{"JSON", func(w io.Writer, c *harness.Comparison) error {
		var s Snapshot
		s.ReplaceRuns(c)
		return s.JSON(w)
	}, nothingForged},
	{"Markdown", snapshotDocument, checkMarkdown},
	{"renderCapacityJSON", ofSearches(renderCapacityJSON), nothingForged},
	{"RenderCapacityText", ofSearches(RenderCapacityText), nothingForged},
	{"renderCapacityHTML", ofSearches(renderCapacityHTML), func(*testing.T, string) {}}, // a page has no lines to forge
}

// ofSearches renders searches and a plan that have the texts of a comparison.
func ofSearches(render func(io.Writer, *capacity.Report) error) renderer {
	return func(w io.Writer, c *harness.Comparison) error {
		searches, plan := foundReport(), planReport()
		for _, info := range c.Consumers {
			a := foundCapacity(480, harness.Setting{Name: c.Scenarios[0].Name, Value: info.Doc}, harness.Setting{Name: info.Doc, Value: c.Scenarios[0].Doc})
			a.Consumer, a.Objectives, a.Remarks = info, info.Doc, []string{info.Doc}
			a.Bounds = append(a.Bounds, capacity.Bound{Name: info.Doc, Void: info.Doc})
			a.Bounds[0].Name, a.Bounds[0].Why, a.Bounds[0].Resource = info.Doc, info.Doc, info.Doc
			a.Result.Axis.Unit, a.Result.Trials[0].Detail = info.Doc, []string{info.Doc}
			a.Checks[0].Backend, a.Checks[0].Remark, a.Checks[0].Failed = info.Doc, info.Doc, info.Doc
			a.Saturation = &capacity.Drained{Remark: info.Doc}
			searches.Answers = append(searches.Answers, a, capacity.Answer{Consumer: info, Failed: info.Doc})
		}
		d := &plan.Plan.Designs[1]
		d.Consumer, d.Bounds = c.Consumers[0], searches.Answers[0].Bounds
		d.Capacity.Bounds = d.Bounds
		d.Outages[0].Last.Resource, d.Purchases[0].What, d.PodLost.Tightest = c.Command, c.Command, d.Bounds[0]
		plan.Plan.Objectives, plan.Plan.Designs[0].Failed = c.Command, c.Command
		for _, r := range []*capacity.Report{searches, plan} {
			r.Command, r.Broker, r.Environment = c.Command, c.Broker, c.Environment
			if err := render(w, r); err != nil {
				return err
			}
		}
		return nil
	}
}

// nothingForged fails if foreign text begins a line.
func nothingForged(t *testing.T, text string) {
	t.Helper()
	if before, after, found := strings.Cut(text, "\n"+plaintest.Forged+"\n"); found {
		t.Errorf("foreign text made a line of its own: %.300q", before[max(0, len(before)-100):]+"\n"+plaintest.Forged+"\n"+after)
	}
}

// checkMarkdown fails if something in a document is markup that Stampede did not write.
func checkMarkdown(t *testing.T, text string) {
	t.Helper()
	nothingForged(t, text)
	for length := range 9 { // the command is code between marks of any length
		marks := strings.Repeat("`", length+1)
		text = regexp.MustCompile("\n\n"+marks+"[^`].*?[^`]"+marks+", seed").ReplaceAllString(text, "")
	}
	text = regexp.MustCompile(`\\[[:punct:]]`).ReplaceAllString(text, "")
	if found := regexp.MustCompile("!\\[|\\]\\([^#]|<[a-zA-Z/!]|://|www\\.|`|~~|\n# |&[a-z#]").FindString(text); found != "" {
		t.Errorf("foreign text became markup: %q", found)
	}
	for _, line := range strings.Split(text, "\n") {
		if n := strings.Count(line, "|"); n != 0 && n != len(snapshotColumns)+3 {
			t.Errorf("a row of %d marks of cells: %s", n, line)
		}
	}
}

// varied is a part of the saved comparison that has all kinds of texts and renders fast.
func varied(t *testing.T) *harness.Comparison {
	c := saved(t)
	scenarios := []string{"pod-crash"}
	c.Scenarios = slices.DeleteFunc(c.Scenarios, func(s harness.ScenarioInfo) bool { return !slices.Contains(scenarios, s.Name) })
	c.Cells = slices.DeleteFunc(c.Cells, func(k harness.Cell) bool { return !slices.Contains(scenarios, k.Scenario) })
	dropUnusedRuns(c)
	for i := range c.Runs {
		r := &c.Runs[i]
		r.Series = harness.Series{Step: r.Series.Step, Backlog: r.Series.Backlog[:min(3, len(r.Series.Backlog))]}
		r.Ledger, r.Retried, r.LedgerError = "out/ledger", "a pod starved", "no space left"
		if len(r.Pods) > 0 {
			r.Pods[0].Exit, r.Pods[0].Stderr = "exit status 2", "panic: boom"
		}
	}
	return c
}

// poison puts hostile texts before and after each text of a comparison. Another turn
// puts others there.
func poison(c *harness.Comparison, hostile []string, turn int) *harness.Comparison {
	return plain.Map(c, func(s string) string {
		if s == "" || isReserved(s) {
			return s
		}
		sum := fnv.New32a()
		sum.Write([]byte(s))
		evil := func(turn int) string { return hostile[(int(sum.Sum32()%1000)+turn)%len(hostile)] }
		return evil(2*turn) + s + evil(2*turn+1)
	})
}

// isReserved reports whether a text of a comparison is no foreign text, and decides what
// reports show.
func isReserved(s string) bool {
	statuses := []harness.Status{harness.Pass, harness.Fail, harness.Overload, harness.Inconclusive, harness.Skipped, harness.NotMade, harness.NotObserved, harness.NotJudged, harness.Warning}
	return slices.Contains(statuses, harness.Status(s)) || oracle.FindCheck(s) == nil || s == everyRecord || s == "steady"
}

func TestForeignTextIsHarmlessInEachForm(t *testing.T) {
	hostile := plaintest.Hostile("http://127.0.0.1:1")
	c := varied(t)
	for _, r := range renderers {
		t.Run(r.name, func(t *testing.T) {
			for turn := 0; turn < (len(hostile)+1)/2 && !t.Failed(); turn += 3 {
				text := string(render(t, r.render, poison(c, hostile, turn)))
				if harm := plaintest.Harm(text); harm != "" {
					t.Errorf("it has %s", harm)
				}
				r.check(t, text)
			}
		})
	}
}

// A saved result or snapshot may come from anywhere.
func TestReadersMakeTextsHarmless(t *testing.T) {
	c := saved(t)
	c.Command = "go\u202e test"
	raw := bytes.Replace(render(t, renderJSON, c), []byte(`go\\u202e test`), []byte(`go\u202e\u0000 test`), 1)
	read, err := ReadJSON(bytes.NewReader(raw))
	if err != nil || read.Command != `go\u202e\x00 test` {
		t.Errorf("the command is %q, %v", read.Command, err)
	}
	snapshot, err := ReadSnapshot(strings.NewReader(`{"runs":[{"command":"go\u202e\u0000 test"}]}`))
	if err != nil || snapshot.Runs[0].Command != `go\u202e\x00 test` {
		t.Errorf("the snapshot is %+v, %v", snapshot, err)
	}
}

// No script of a hostile text runs, and no request leaves the page.
func TestForeignTextIsNoMarkupInChromium(t *testing.T) {
	b := browser.New(t)
	hostile := plaintest.Hostile(b.URL() + "/hostile")
	pages := [][]byte{[]byte("<!doctype html>" + hostile[slices.IndexFunc(hostile, func(s string) bool { return strings.HasPrefix(s, "<script>") })])}
	const look = drawAll + `
return [d.documentElement.dataset.pwned, Array.from(d.scripts).filter(function (s) { return s.type !== "text/plain"; }).length, d.querySelectorAll("img, iframe, link, style, meta[http-equiv]").length, d.querySelectorAll("a:not([href^='#'])").length];`
	results, _ := b.Visit(t, look, pages...)
	if results[0] != "1,1,0,0" || !slices.Equal(b.Requests(), []string{"/hostile/script"}) {
		t.Fatalf("a page that runs a hostile script is seen as %v, with requests %v: the test sees nothing", results, b.Requests())
	}
	pages = nil
	for turn := range 6 {
		pages = append(pages, render(t, renderHTML, poison(varied(t), hostile, turn*len(hostile)/12)))
	}
	results, console := b.Visit(t, look, pages...)
	for n, got := range results {
		if got != ",1,2,0" { // one script, one style and one policy
			t.Errorf("page %d has the script's mark, scripts, other elements, links: %s", n, got)
		}
	}
	if asked := b.Requests()[1:]; len(asked) > 0 || len(console) > 0 {
		t.Errorf("requests %v, console %q", asked, console)
	}
}

// A function that writes a result must be in the table above.
func TestEachRendererIsInTheTable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Type.Results == nil || len(fn.Type.Params.List) == 0 {
				continue
			}
			to, ok := fn.Type.Params.List[0].Type.(*ast.SelectorExpr)
			if !ok || to.Sel.Name != "Writer" {
				continue
			}
			found++
			if !slices.ContainsFunc(renderers, func(r namedRenderer) bool { return r.name == fn.Name.Name }) {
				t.Errorf("%s writes a report, and the table of renderers lacks it", fn.Name.Name)
			}
		}
	}
	if found != len(renderers) {
		t.Errorf("%d functions write reports, and the table has %d", found, len(renderers))
	}
}
