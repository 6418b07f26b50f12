package reports

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stampede-bench/stampede/harness"
)

// benchLine is a result as benchstat reads it.
type benchLine struct {
	name   string
	values map[string]float64
}

// parseBench reads Go's benchmark format, strictly: a line that benchstat would
// pass over or refuse is an error here, but for comments.
func parseBench(t *testing.T, data string) (keys map[string]string, units map[string]string, lines []benchLine) {
	t.Helper()
	keys, units = map[string]string{}, map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(data, "\n"), "\n") {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "Unit "):
			if len(f) != 4 || !strings.HasPrefix(f[2], "better=") || f[3] != "assume="+benchAssumption(f[1]) || units[f[1]] != "" {
				t.Errorf("bad unit line %q", line)
			}
			units[f[1]] = strings.TrimPrefix(f[2], "better=")
		case strings.HasPrefix(line, "Benchmark"):
			l := benchLine{f[0], map[string]float64{}}
			if n, err := strconv.Atoi(f[1]); err != nil || n != 1 || len(f)%2 != 0 {
				t.Fatalf("bad line %q", line)
			}
			for i := 2; i < len(f); i += 2 {
				v, err := strconv.ParseFloat(f[i], 64)
				if _, twice := l.values[f[i+1]]; err != nil || twice || units[f[i+1]] == "" {
					t.Errorf("%s: bad measurement %s %s", l.name, f[i], f[i+1])
				}
				l.values[f[i+1]] = v
			}
			lines = append(lines, l)
		default:
			key, value, ok := strings.Cut(line, ": ")
			if !ok || value == "" || strings.ContainsFunc(key, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsSpace(r) }) {
				t.Errorf("benchstat would pass over %q", line)
			}
			keys[key] = value
		}
	}
	return keys, units, lines
}

var benchNames = regexp.MustCompile(`^BenchmarkStampede/scenario=[^/=\s]+/consumer=[^/\s?&]+-\d+$`)

func TestBenchFormat(t *testing.T) {
	c := saved(t)
	first := &c.Runs[0]
	first.Consumer, first.Host.CPUs = "keyed@848?window=500&workers=8", 2
	keys, units, lines := parseBench(t, string(render(t, renderBench, c)))
	verdicts := 0
	for i := range c.Runs {
		if hasVerdict(c.Runs[i].Status) {
			verdicts++
		}
	}
	if len(lines) != verdicts {
		t.Fatalf("%d lines for %d runs with a verdict", len(lines), verdicts)
	}
	for _, l := range lines {
		if !benchNames.MatchString(l.name) {
			t.Errorf("bad name %s", l.name)
		}
	}
	if want := "BenchmarkStampede/scenario=" + first.Scenario + "/consumer=keyed@848,window=500,workers=8-2"; lines[0].name != want {
		t.Errorf("name %s, want %s", lines[0].name, want)
	}
	if keys["goos"] != "linux" || keys["cpu"] == "" || keys["backend"] != "virtual" {
		t.Errorf("keys are %v", keys)
	}
	if units["records/s"] != "higher" || units["of-bound"] != "higher" || units["p99-e2e-sec"] != "lower" {
		t.Errorf("units are %v", units)
	}
	if got, want := lines[0].values["p99-e2e-sec"], first.Phases[1].EndToEnd.P99.Seconds(); math.Abs(got-want) > want/1e5 {
		t.Errorf("p99 of the first run is %v s, want %v s", got, want)
	}
}

func TestBenchHasLatenciesOnlyOfRunsThatPassed(t *testing.T) {
	c := small()
	for i := range c.Runs {
		c.Runs[i].Phases = []harness.Phase{{Name: "steady", EndToEnd: harness.Quantiles{N: 10, P50: 1, P99: 2, Max: 3}}}
	}
	c.Runs[0].Status, c.Runs[0].Reasons = harness.Inconclusive, []string{"load delivered:\nlateness p99 1.2 s"}
	c.Runs[1].Load.Flood = true
	c.Runs[11].Faults[0].BacklogBack = harness.Never // keyed on pod-crash
	_, _, lines := parseBench(t, string(render(t, renderBench, c)))
	if len(lines) != len(c.Runs)-1 {
		t.Fatalf("%d lines for %d runs with a verdict", len(lines), len(c.Runs)-1)
	}
	for i, l := range lines {
		r := c.Runs[i+1]
		timed := false
		for unit := range l.values {
			timed = timed || strings.Contains(unit, "-e2e-")
		}
		if want := r.Status == harness.Pass && !r.Load.Flood; timed != want {
			t.Errorf("%s (%s, flood %v) has latencies: %v", l.name, r.Status, r.Load.Flood, timed)
		}
		if _, recovered := l.values["recovery-sec"]; i+1 == 11 && recovered {
			t.Errorf("%s never recovered and has a number for it", l.name)
		}
	}
}
