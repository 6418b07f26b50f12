package reports

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/internal/browser"
)

var update = flag.Bool("update", false, "write the golden files of testdata/reports and README's picture (make golden)")

const golden = "../testdata/reports"

// forms are all forms of a report, by their golden file.
var forms = []struct {
	file   string
	render renderer
}{{"result.json", renderJSON}, {"report.txt", RenderText}, {"bench.txt", renderBench}, {"report.html", renderHTML}, {"snapshot.md", snapshotDocument}}

// snapshotDocument is the snapshot of one comparison, in a document that has some
// of its consumers and one more.
func snapshotDocument(w io.Writer, c *harness.Comparison) error {
	var s Snapshot
	s.ReplaceRuns(c)
	return s.Markdown(w, []string{"keyed", "naive", "newest"})
}

func render(t *testing.T, r renderer, c *harness.Comparison) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for _, f := range forms[1:] { // result.json is the source
		t.Run(f.file, func(t *testing.T) { compareGolden(t, f.file, render(t, f.render, saved(t))) })
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join(golden, name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if strings.HasSuffix(name, ".html") { // how parts are packed depends on the version of Go
		got, want = []byte(unpacked(t, got)), []byte(unpacked(t, want))
	}
	if err == nil && bytes.Equal(got, want) {
		os.Remove(path + ".got")
		return
	}
	if err := os.WriteFile(path+".got", got, 0o644); err != nil {
		t.Fatal(err)
	}
	diff := diffOf(t, want, got)
	if len(diff) > 4000 {
		diff = append(diff[:4000], "\n..."...)
	}
	t.Errorf("%s differs from the golden file; the new one is next to it as .got; make golden accepts it:\n%s", name, diff)
}

func diffOf(t *testing.T, want, got []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string][]byte{"want": want, "got": got} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	diff, _ := exec.Command("diff", "-u", filepath.Join(dir, "want"), filepath.Join(dir, "got")).CombinedOutput()
	return diff
}

// The saved comparison shows what a reader of a report meets: each status, a
// skipped run, a control and repeats.
func TestSavedRunHasEachKindOfCell(t *testing.T) {
	c := saved(t)
	found := map[string]bool{}
	for _, cell := range c.Cells {
		found[string(cell.Status)] = true
		found["repeated"] = found["repeated"] || len(cell.Runs) > 1
	}
	for _, want := range []string{"pass", "fail", "overload", "inconclusive", "skipped", "repeated"} {
		if !found[want] {
			t.Errorf("no cell is %s", want)
		}
	}
	raw, err := os.ReadFile(savedRun)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, render(t, renderJSON, c)) || len(raw) > 300<<10 {
		t.Errorf("%s has %d bytes, and JSON writes it differently or it is too large", savedRun, len(raw))
	}
}

// make golden-run names the folders of the real comparisons that become the saved one.
func TestMergeSavedRun(t *testing.T) {
	folders := strings.Fields(os.Getenv("STAMPEDE_MERGE"))
	if len(folders) == 0 {
		t.Skip("make golden-run names comparisons to merge")
	}
	var merged *harness.Comparison
	for _, folder := range folders {
		f, err := os.Open(filepath.Join(folder, "result.json"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadJSON(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		trim(c)
		if merged == nil {
			merged = c
			merged.Settings = append(merged.Settings, harness.Setting{Name: "merged from", Value: c.Command})
			continue
		}
		merge(merged, c)
	}
	merged.Command = "make golden-run"
	if err := os.WriteFile(savedRun, render(t, renderJSON, merged), 0o644); err != nil {
		t.Fatal(err)
	}
}

// trim drops what no report shows.
func trim(c *harness.Comparison) {
	for i := range c.Cells {
		cell := &c.Cells[i]
		cell.Curves = slices.DeleteFunc(cell.Curves, func(k harness.Curve) bool { return k.Phase != everyRecord })
	}
	for i := range c.Runs {
		r := &c.Runs[i]
		r.Series.PartitionAge, r.Series.PartitionBacklog, r.Series.PartitionLag = nil, nil, nil
		r.Load.Partitions = nil
		r.Ledger = ""
		if r.Status != harness.Pass {
			r.Stages = nil
		}
		for j := range r.Verdicts {
			v := &r.Verdicts[j]
			v.Examples = v.Examples[:min(len(v.Examples), 2)]
		}
	}
}

// merge adds the runs of a comparison. A cell that both have is replaced.
func merge(to, from *harness.Comparison) {
	for _, s := range from.Scenarios {
		if !slices.ContainsFunc(to.Scenarios, func(o harness.ScenarioInfo) bool { return o.Name == s.Name }) {
			to.Scenarios = append(to.Scenarios, s)
		}
	}
	for _, i := range from.Consumers {
		if !slices.ContainsFunc(to.Consumers, func(o harness.ConsumerInfo) bool { return o.Name == i.Name }) {
			to.Consumers = append(to.Consumers, i)
		}
	}
	for _, cell := range from.Cells {
		same := func(o harness.Cell) bool { return o.Scenario == cell.Scenario && o.Consumer == cell.Consumer }
		to.Cells = slices.DeleteFunc(to.Cells, same)
		var runs []harness.Run
		for _, i := range cell.Runs {
			runs = append(runs, from.Runs[i])
		}
		cell.Runs = nil
		for i := range runs {
			cell.Runs = append(cell.Runs, len(to.Runs)+i)
		}
		to.Runs, to.Cells = append(to.Runs, runs...), append(to.Cells, cell)
	}
	dropUnusedRuns(to)
	to.Took += from.Took
	to.Planned = len(to.Runs)
	to.Settings = append(to.Settings, harness.Setting{Name: "merged from", Value: from.Command})
}

// dropUnusedRuns drops the runs that no cell has any more.
func dropUnusedRuns(c *harness.Comparison) {
	old := c.Runs
	c.Runs = nil
	for i := range c.Cells {
		cell := &c.Cells[i]
		for j, k := range cell.Runs {
			cell.Runs[j] = len(c.Runs)
			c.Runs = append(c.Runs, old[k])
		}
	}
}

// TestPicture takes README's picture with Chromium.
func TestPicture(t *testing.T) {
	if !*update {
		t.Skip("make golden takes README's picture")
	}
	page := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(page, render(t, renderHTML, saved(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	picture, err := filepath.Abs("../testdata/report.png")
	if err != nil {
		t.Fatal(err)
	}
	cmd := browser.Command(t.Context(), t, "--hide-scrollbars", "--force-color-profile=srgb",
		"--window-size=1200,1120", "--screenshot="+picture, "file://"+page)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("chromium does not run here, testdata/report.png stays as it was: %v\n%s", err, out)
	}
}
