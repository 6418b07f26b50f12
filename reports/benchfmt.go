package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/plain"
)

// renderBench writes the comparison in Go's benchmark format, one line for each run.
// benchstat then compares consumers within a file, and commits between files. The
// name of a benchmark has the scenario and the consumer as key=value; its last
// part is the number of CPUs, as in Go's own. Runs without a verdict are comments.
// Only runs that passed have latencies, one set for each phase; those of the
// steady phase have the short names.
func renderBench(w io.Writer, c *harness.Comparison) error {
	c = plain.Copy(c)
	var b, lines bytes.Buffer
	for _, k := range benchKeys(c) {
		fmt.Fprintf(&b, "%s: %s\n", k.Name, k.Value)
	}
	var units []string
	write := func(name string, ms []metric) {
		lines.WriteString(name + "\t1")
		for _, m := range ms {
			fmt.Fprintf(&lines, "\t%s %s", strconv.FormatFloat(m.value, 'g', 6, 64), m.unit)
			if !slices.Contains(units, m.unit) {
				units = append(units, m.unit)
			}
		}
		lines.WriteByte('\n')
	}
	for i := range c.Runs {
		r := &c.Runs[i]
		name := benchName(r)
		if !hasVerdict(r.Status) {
			fmt.Fprintf(&lines, "# %s: %s: %s\n", name, r.Status, joinLines(strings.Join(r.Reasons, "; ")))
			continue
		}
		write(name, slices.Concat(benchMetrics(r), benchStages(r), benchBare(c, r), benchLinger(c, r)))
	}
	for i := range c.Baselines {
		write(benchBaseline(&c.Baselines[i]))
	}
	for _, u := range units {
		fmt.Fprintf(&b, "Unit %s better=%s assume=%s\n", u, betterDirection(u), benchAssumption(u))
	}
	b.Write(lines.Bytes())
	_, err := w.Write(b.Bytes())
	return err
}

// benchKeys are the file's configuration: goos, goarch and cpu from the
// environment, whose names may have any case. benchstat compares only files with
// equal keys, so no key differs from run to run. The back end is a key, so that a
// simulated broker is never compared with a real Kafka.
func benchKeys(c *harness.Comparison) []harness.Setting {
	keys := []harness.Setting{
		{Name: "goos"}, {Name: "goarch"}, {Name: "pkg", Value: "github.com/stampede-bench/stampede"}, {Name: "cpu"},
	}
	for i, k := range keys {
		for _, e := range c.Environment {
			if strings.EqualFold(e.Name, k.Name) {
				keys[i].Value = joinLines(e.Value)
			}
		}
	}
	if c.Backend != "" {
		keys = append(keys, harness.Setting{Name: "backend", Value: joinLines(c.Backend)})
	}
	return slices.DeleteFunc(keys, func(k harness.Setting) bool { return k.Value == "" })
}

func benchName(r *harness.Run) string {
	return fmt.Sprintf("BenchmarkStampede/scenario=%s/consumer=%s-%d", benchWord(r.Scenario), benchWord(r.Consumer), max(r.Host.CPUs, 1))
}

// benchWord makes a name fit between the slashes. Commas separate its knobs, as in a subtest's name.
func benchWord(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '?' || r == '&':
			return ','
		case r == '/' || unicode.IsSpace(r) || !unicode.IsPrint(r):
			return '_'
		}
		return r
	}, s)
}

func joinLines(s string) string { return strings.Join(strings.Fields(s), " ") }

type metric struct {
	value float64
	unit  string
}

// benchMetrics are the results of one run: the columns with a unit for this
// format, the latencies of its phases and its counts. A recovery that never came
// has no number and is left out.
func benchMetrics(r *harness.Run) []metric {
	var ms []metric
	for _, k := range columns {
		if k.bench == "" {
			continue
		}
		if v, ok := k.ofRun(r); ok && v-v == 0 { // finite
			ms = append(ms, metric{v, k.bench})
		}
	}
	if r.Status == harness.Pass && !r.Load.Flood {
		for _, p := range r.Phases {
			if p.EndToEnd.N > 0 && !isWarmUp(p.Name) {
				ms = append(ms, benchLatencies(&p, r.Saturated != "")...)
			}
		}
	}
	return append(ms,
		metric{float64(r.Counts.Lost), "lost"},
		metric{float64(r.Counts.Unexplained), "unexplained-duplicates"},
		metric{float64(r.Counts.Inversions), "inversions"})
}

// lingerUnit is the unit of the linger of the producer. It is a setting, so benchstat warns where
// runs differ in it.
const lingerUnit = "linger-sec"

// benchLinger is the linger under which a run was made, none where the result does not say it.
func benchLinger(c *harness.Comparison, r *harness.Run) (ms []metric) {
	for _, s := range c.Scenarios {
		if s.Name == r.Scenario && s.Linger != 0 {
			ms = append(ms, metric{max(0, s.Linger.Seconds()), lingerUnit})
		}
	}
	return ms
}

// benchAssumption says how benchstat treats the values of a unit.
func benchAssumption(unit string) string {
	if unit == lingerUnit {
		return "exact"
	}
	return "nothing"
}

func isWarmUp(phase string) bool { return strings.HasPrefix(phase, "warm") }

// benchLatencies are the latencies of a phase. Those of a saturated machine have units of their
// own, so that no tool mixes them with others.
func benchLatencies(p *harness.Phase, saturated bool) []metric {
	suffix := "-e2e-"
	if p.Name != "steady" {
		suffix += strings.ReplaceAll(benchWord(p.Name), "_", "-") + "-"
	}
	if saturated {
		suffix += "saturated-"
	}
	suffix += "sec"
	return []metric{
		{p.EndToEnd.P50.Seconds(), "p50" + suffix},
		{p.EndToEnd.P99.Seconds(), "p99" + suffix},
		{p.EndToEnd.Max.Seconds(), "max" + suffix},
	}
}

func betterDirection(unit string) string {
	if strings.HasPrefix(unit, "rate-of-bare") {
		return "higher"
	}
	if slices.ContainsFunc(columns, func(k column) bool { return k.bench == unit && k.higher }) {
		return "higher"
	}
	return "lower"
}
