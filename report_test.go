package stampede

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stampede-bench/stampede/internal/browser"
	"github.com/stampede-bench/stampede/internal/control"
)

// BenchmarkReport measures make report and the page of 20 consumers in 30 scenarios, with 1
// and 5 repeats: the runs of the result STAMPEDE_IN again and again, with other names and
// numbers. A loop of fixed length measures how fast the machine is at that time.
func BenchmarkReport(b *testing.B) {
	source := os.Getenv("STAMPEDE_IN")
	if source == "" {
		source = "testdata/run/result.json"
	}
	for _, repeats := range []int{1, 5} {
		b.Run(fmt.Sprintf("runs=%d", manyConsumers*manyScenarios*repeats), func(b *testing.B) {
			in := filepath.Join(b.TempDir(), "result.json")
			writeManyRuns(b, source, in, repeats)
			for b.Loop() {
				measureRender(b, in)
				measurePage(b, filepath.Join(filepath.Dir(in), "report.html"))
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measureRender measures the process of make report.
func measureRender(b *testing.B, in string) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	loop := control.Loop()
	cmd := exec.CommandContext(b.Context(), self, "-test.run=^$", "-in="+in, "-out="+filepath.Dir(in))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%.2000s", err, out)
	}
	loop = (loop + control.Loop()) / 2
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.ReportMetric(used.Seconds(), "CPU-s")
	b.ReportMetric(used.Seconds()/loop.Seconds(), "CPU/loop")
	b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "peak-MiB")
	info, err := os.Stat(in)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "json-MB")
}

// measurePage opens a report in Chromium. It is interactive once it is loaded and a frame
// has been drawn. Then the evidence of its last cell is opened by its link.
func measurePage(b *testing.B, path string) {
	b.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	chromium := browser.New(b)
	empty, _ := chromium.Visit(b, `await new Promise(function (drawn) { w.requestAnimationFrame(function () { w.setTimeout(drawn); }); });
return w.performance.now();`, []byte("<!doctype html><p>empty"))
	results, console := chromium.Visit(b, `
const frame = function () { return new Promise(function (drawn) { w.requestAnimationFrame(function () { w.setTimeout(drawn); }); }); };
const loop = function () {
  const began = performance.now();
  let x = 1;
  for (let i = 0; i < 3e8; i++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }
  return performance.now() - began + (x === 0);
};
await frame();
const interactive = w.performance.now(), control = loop();
const walk = d.createTreeWalker(d, NodeFilter.SHOW_ALL);
let nodes = 1;
while (walk.nextNode()) nodes++;
const paint = w.performance.getEntriesByName("first-contentful-paint")[0];
const last = Array.from(d.querySelectorAll("details.evidence")).pop(), began = w.performance.now();
last.open = false;
w.location.hash = last.id;
while (!last.open || last.querySelectorAll("td").length === 0) await frame();
await frame();
return JSON.stringify({ interactive: interactive, control: control, nodes: nodes, paint: paint ? paint.startTime : 0, opened: w.performance.now() - began });`, page)
	var found struct{ Interactive, Control, Nodes, Paint, Opened float64 }
	if err := json.Unmarshal([]byte(results[0]), &found); err != nil || len(console) > 0 {
		b.Fatalf("%v in %q; the console says %q", err, results[0], console)
	}
	b.ReportMetric(float64(len(page))/1e6, "html-MB")
	b.ReportMetric(found.Nodes, "nodes")
	b.ReportMetric(found.Paint/1e3, "paint-s")
	b.ReportMetric(found.Interactive/1e3, "interactive-s")
	b.ReportMetric(found.Interactive/found.Control, "interactive/loop")
	if start, err := strconv.ParseFloat(empty[0], 64); err == nil {
		b.ReportMetric(start/1e3, "empty-page-s") // Chromium itself
	}
	b.ReportMetric(found.Opened/1e3, "open-s")
	b.ReportMetric(found.Opened/found.Control, "open/loop")
}

const manyConsumers, manyScenarios = 20, 30

// writeManyRuns makes a large result from a small one.
func writeManyRuns(b *testing.B, source, path string, repeats int) {
	b.Helper()
	data, err := os.ReadFile(source)
	if err != nil {
		b.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	many := &manyRuns{b: b, source: c, out: json.NewEncoder(f), file: f}
	many.write(repeats)
}

// manyRuns writes runs one by one, so that the peak memory of the benchmark stays below
// that of make report, whose process the system accounts it to.
type manyRuns struct {
	b      *testing.B
	source map[string]any
	file   *os.File
	out    *json.Encoder
	runs   int
}

func (m *manyRuns) write(repeats int) {
	scenarios, consumers := m.list("scenarios"), m.list("consumers")
	var cells, s, k []any
	for i := range manyScenarios {
		s = append(s, rename(scenarios[i%len(scenarios)], "name", i/len(scenarios)))
	}
	for i := range manyConsumers {
		info := rename(consumers[i%len(consumers)], "name", i/len(consumers))
		k = append(k, rename(info, "base", i/len(consumers)))
	}
	m.print(`{"version":%v,"runs":[`, m.source["version"])
	for i := range s {
		for j := range k {
			cells = append(cells, m.writeCell(i, j, nameOf(s[i]), nameOf(k[j]), repeats))
		}
	}
	m.print(`],"planned":%d`, m.runs)
	m.source["scenarios"], m.source["consumers"], m.source["cells"] = s, k, cells
	for name, v := range m.source {
		if name != "version" && name != "runs" && name != "planned" {
			text, _ := json.Marshal(v)
			m.print(`,%q:%s`, name, text)
		}
	}
	m.print("}\n")
}

func (m *manyRuns) list(name string) []any { return m.source[name].([]any) }

func (m *manyRuns) print(format string, args ...any) {
	if _, err := fmt.Fprintf(m.file, format, args...); err != nil {
		m.b.Fatal(err)
	}
}

// writeCell writes the runs of a cell like one of the source that has runs.
func (m *manyRuns) writeCell(i, j int, scenario, consumer string, repeats int) any {
	scenarios, consumers := m.list("scenarios"), m.list("consumers")
	like := m.cellOf(nameOf(scenarios[i%len(scenarios)]), nameOf(consumers[j%len(consumers)]))
	cell := vary(like, scenario+consumer).(map[string]any)
	cell["scenario"], cell["consumer"] = scenario, consumer
	var runs []any
	for r := range repeats {
		from := like["runs"].([]any)
		run := vary(m.list("runs")[int(from[r%len(from)].(float64))], fmt.Sprint(scenario, consumer, r)).(map[string]any)
		run["scenario"], run["consumer"], run["repeat"] = scenario, consumer, r+1
		if m.runs > 0 {
			m.print(",")
		}
		if err := m.out.Encode(run); err != nil {
			m.b.Fatal(err)
		}
		runs = append(runs, m.runs)
		m.runs++
	}
	cell["runs"] = runs
	return cell
}

// cellOf is the cell of a scenario and a consumer, else another cell of the scenario.
func (m *manyRuns) cellOf(scenario, consumer string) map[string]any {
	var found map[string]any
	for _, c := range m.list("cells") {
		cell := c.(map[string]any)
		if cell["scenario"] == scenario && (found == nil || cell["consumer"] == consumer) {
			found = cell
		}
	}
	if found == nil {
		m.b.Fatalf("the result has no cell of %s", scenario)
	}
	return found
}

func nameOf(v any) string { return v.(map[string]any)["name"].(string) }

// rename is a copy of an object whose name has a number, before the protocol and the knobs.
func rename(v any, field string, number int) any {
	object := map[string]any{}
	for k, e := range v.(map[string]any) {
		object[k] = e
	}
	if name, _ := object[field].(string); number > 0 && name != "" {
		at := len(name)
		if i := strings.IndexAny(name, "@?"); i > 0 {
			at = i
		}
		object[field] = fmt.Sprintf("%s-%d%s", name[:at], number+1, name[at:])
	}
	return object
}

// fixed are the fields whose numbers mean something to the reports.
var fixed = map[string]bool{"seed": true, "repeat": true, "runs": true, "quantile": true, "q": true, "step_ns": true, "started": true, "status": true, "check": true, "name": true, "held_to": true, "phase": true, "incarnations": true, "n": true, "topic": true, "partitions": true, "partition": true, "healed_ns": true}

// vary is a copy of a part of a result in which numbers and the digits of texts differ, by name.
func vary(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for k, e := range v {
			if object[k] = e; !fixed[k] {
				object[k] = vary(e, name+k)
			}
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = vary(e, fmt.Sprint(name, i))
		}
		return list
	case string:
		return varyDigits(v, name)
	case float64:
		return varyNumber(v, name)
	}
	return v
}

func varyNumber(v float64, name string) any {
	changed := v * (0.9 + float64(hashOf(name)%1000)/5000)
	if v == float64(int64(v)) {
		return int64(changed)
	}
	return changed
}

// varyDigits changes the digits of a text, but the first of each number.
func varyDigits(s, name string) string {
	sum, b := hashOf(name), []byte(s)
	for i := 1; i < len(b); i++ {
		if isDigit(b[i]) && isDigit(b[i-1]) {
			sum = sum*1664525 + 1013904223
			b[i] = '0' + byte(sum>>24)%10
		}
	}
	return string(b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func hashOf(s string) uint32 {
	sum := fnv.New32a()
	sum.Write([]byte(s))
	return sum.Sum32()
}
