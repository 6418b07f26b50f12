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
	"github.com/stampede-bench/stampede/harness/metric"
	"github.com/stampede-bench/stampede/harness/plain"
)

// renderBench writes the comparison in Go's benchmark format, one line for each run.
// benchstat then compares consumers within a file, and commits between files. The
// name of a benchmark has the scenario and the consumer as key=value; its last
// part is the number of CPUs, as in Go's own. Runs without a verdict are comments.
// Only runs that kept their claims have latencies, one set for each phase; those of the
// steady phase have the short names.
func renderBench(w io.Writer, c *harness.Comparison) error {
	c = plain.Copy(c)
	var b, lines bytes.Buffer
	for _, k := range benchKeys(c) {
		fmt.Fprintf(&b, "%s: %s\n", k.Name, k.Value)
	}
	var units []string
	write := func(name string, ms []measured) {
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
		if !isConcluded(r) {
			fmt.Fprintf(&lines, "# %s: %s: %s\n", name, r.Status, joinLines(strings.Join(r.Reasons, "; ")))
			continue
		}
		write(name, slices.Concat(benchMetrics(r), benchObjectives(r), benchStages(r), benchBare(c, r), benchLinger(c, r)))
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

type measured struct {
	value float64
	unit  string
}

// benchMetrics are the results of one run: the metrics with a name in this format and the
// latencies of its phases. What a run does not have, and a time that never came, has no
// number and is left out.
func benchMetrics(r *harness.Run) []measured {
	var ms []measured
	add := func(unit string, v float64, ok bool) {
		if ok && v-v == 0 { // finite
			ms = append(ms, measured{v, unit})
		}
	}
	for _, m := range metric.All() {
		if m.Bench == "" {
			continue
		}
		v, ok := m.Of(r)
		add(m.Bench, v, ok)
		for _, fault := range faultNames(r) {
			if m.OfFault != nil {
				v, ok := m.OfFault(r, fault)
				add(m.Name+"-"+benchDashed(fault)+strings.TrimPrefix(m.Bench, m.Name), v, ok)
			}
		}
	}
	if r.KeptClaims() && !r.Load.Flood {
		ms = append(ms, benchLatencies(r)...)
	}
	return ms
}

// faultNames are the names of the faults of a run, each once; nil if there is only one.
func faultNames(r *harness.Run) []string {
	var names []string
	for _, f := range r.Faults {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	if len(names) < 2 {
		return nil
	}
	return names
}

// benchDashed makes a name a part of a unit.
func benchDashed(name string) string { return strings.ReplaceAll(benchWord(name), "_", "-") }

// lingerUnit is the unit of the linger of the producer. It is a setting, so benchstat warns where
// runs differ in it.
const lingerUnit = "linger-sec"

// benchLinger is the linger under which a run was made, none where the result does not say it.
func benchLinger(c *harness.Comparison, r *harness.Run) (ms []measured) {
	for _, s := range c.Scenarios {
		if s.Name == r.Scenario && s.Linger != 0 {
			ms = append(ms, measured{max(0, s.Linger.Seconds()), lingerUnit})
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

// benchLatencies are the latencies of a run by phase, and of all its phases if there are
// several. Those of a saturated machine have units of their own, so that no tool mixes them
// with others.
func benchLatencies(r *harness.Run) (ms []measured) {
	var phases []string
	for _, p := range r.Phases {
		if p.EndToEnd.N > 0 && !isWarmUp(p.Name) {
			phases = append(phases, p.Name)
		}
	}
	if len(phases) > 1 {
		phases = append(phases, metric.AllPhases)
	}
	for _, phase := range phases {
		for _, m := range metric.Percentiles() {
			if v, ok := m.OfPhase(r, phase); ok {
				ms = append(ms, measured{v, latencyUnit(m, phase, r.Saturated != "")})
			}
		}
	}
	return ms
}

// latencyUnit is the unit of a latency. That of the steady phase has the short name.
func latencyUnit(m *metric.Metric, phase string, saturated bool) string {
	unit, _ := strings.CutSuffix(m.Bench, "sec")
	if phase != "steady" {
		unit += benchDashed(phase) + "-"
	}
	if saturated {
		unit += "saturated-"
	}
	return unit + "sec"
}

func betterDirection(unit string) string {
	if strings.HasPrefix(unit, "rate-of-bare") {
		return "higher"
	}
	if slices.ContainsFunc(metric.All(), func(m *metric.Metric) bool { return m.Bench == unit && m.Higher }) {
		return "higher"
	}
	return "lower"
}
