package reports

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// bare is what bare clients reached with the load of a scenario: the mean of the runs before and after
// the designs.
type bare struct {
	p50, p99  float64 // in s
	rate      float64
	saturated bool // saturated: the machine had no room for one of the runs.
}

// baselinesOf are the runs of bare clients with the load of a scenario.
func baselinesOf(c *harness.Comparison, scenario string) (all []harness.Baseline) {
	for _, b := range c.Baselines {
		if b.Scenario == scenario && b.EndToEnd.N > 0 {
			all = append(all, b)
		}
	}
	return all
}

// bareOf is false for a scenario without bare clients.
func bareOf(c *harness.Comparison, scenario string) (mean bare, ok bool) {
	all := baselinesOf(c, scenario)
	n := float64(len(all))
	for _, b := range all {
		mean.p50 += b.EndToEnd.P50.Seconds() / n
		mean.p99 += b.EndToEnd.P99.Seconds() / n
		mean.rate += b.Completed / n
		mean.saturated = mean.saturated || b.Saturated != ""
	}
	return mean, len(all) > 0 && mean.p50 > 0 && mean.p99 > 0 && mean.rate > 0
}

// bareRow is a line of the comparison with bare clients: of the clients themselves, or of a design.
type bareRow struct {
	Name   string
	Values [6]string // Values are p50, p99 and the rate, each with its ratio to the mean of the bare clients.
}

// bareHeads are the heads of the columns of a [bareRow].
var bareHeads = [6]string{"p50 (ms)", "of bare", "p99 (ms)", "of bare", "records/s", "of bare"}

// bareAbout explains the comparison.
const bareAbout = "Bare clients are a producer and consumers without work, shim and judge. They ran with the same load before and after the designs. " +
	"The latency of a design contains its work. A star marks what a machine had no room for"

// bareRows compare the designs of a scenario with bare clients, nil without any.
func (v *view) bareRows(scenario string) (rows []bareRow) {
	mean, ok := bareOf(v.Comparison, scenario)
	if !ok {
		return nil
	}
	row := func(name string, p50, p99, rate float64, saturated bool) {
		mark, ratioMark := "", ""
		if saturated {
			mark = saturatedMark
		}
		if saturated || mean.saturated {
			ratioMark = saturatedMark
		}
		rows = append(rows, bareRow{name, [6]string{
			formatMillis(p50) + mark, three(p50/mean.p50) + ratioMark, formatMillis(p99) + mark, three(p99/mean.p99) + ratioMark, formatRate(rate), three(rate/mean.rate) + ratioMark,
		}})
	}
	for _, b := range baselinesOf(v.Comparison, scenario) {
		row("bare clients, "+b.When, b.EndToEnd.P50.Seconds(), b.EndToEnd.P99.Seconds(), b.Completed, b.Saturated != "")
	}
	for _, i := range v.Consumers {
		c := v.cellOf(scenario, i.Name)
		if c == nil {
			continue
		}
		curve := curveOf(c, everyRecord)
		if curve == nil {
			continue
		}
		p50, there := latencyAt(curve, 0.5)
		p99, all := latencyAt(curve, 0.99)
		rate := spreadOf(v.concludedRuns(c), completedRate.Of)
		if there && all && rate.n > 0 {
			row(v.short[i.Name], p50, p99, rate.median, c.Saturated)
		}
	}
	return rows
}

// bareWarnings are the bare clients for which the machine had no room.
func (v *view) bareWarnings() (all []warning) {
	for _, s := range v.Scenarios {
		for i, b := range baselinesOf(v.Comparison, s.Name) {
			if b.Saturated != "" {
				all = append(all, warning{Scenario: s.Name, Consumer: "bare clients", What: "saturated machine", Detail: b.Saturated, repeats: []int{i + 1}})
			}
		}
	}
	return all
}

// writeBare writes the comparison with bare clients.
func (t *text) writeBare() {
	out := table{right: 1}
	out.addRow(append([]string{"scenario"}, bareHeads[:]...)...)
	found := false
	for _, s := range t.Scenarios {
		rows := t.bareRows(s.Name)
		if len(rows) == 0 {
			continue
		}
		found = true
		out.addRow(joinParts(s.Name, formatLinger(&s)))
		for _, r := range rows {
			out.addRow(append([]string{"  " + r.Name}, r.Values[:]...)...)
		}
	}
	if !found {
		return
	}
	t.writeTitle("compared with bare clients")
	t.printf("%s", wrap(bareAbout+".", pageWidth, "  "))
	out.writeTo(t)
}

// benchBare are the ratios of a run that passed to bare clients. Those of a saturated machine have units of
// their own.
func benchBare(c *harness.Comparison, r *harness.Run) []measured {
	mean, ok := bareOf(c, r.Scenario)
	if !ok || !r.KeptClaims() {
		return nil
	}
	suffix := "of-bare"
	if mean.saturated || r.Saturated != "" {
		suffix += "-saturated"
	}
	for _, p := range r.Phases {
		if p.Name == "steady" && p.EndToEnd.N > 0 {
			return []measured{{p.EndToEnd.P50.Seconds() / mean.p50, "p50-" + suffix}, {p.EndToEnd.P99.Seconds() / mean.p99, "p99-" + suffix}, {r.Completed / mean.rate, "rate-" + suffix}}
		}
	}
	return nil
}

// benchBaseline is a run of bare clients as a line of its own.
func benchBaseline(b *harness.Baseline) (name string, ms []measured) {
	name = fmt.Sprintf("BenchmarkStampede/scenario=%s/consumer=bare-%d", benchWord(b.Scenario), max(b.Host.CPUs, 1))
	run := harness.Run{Phases: []harness.Phase{{Name: "steady", EndToEnd: b.EndToEnd}}, Saturated: b.Saturated}
	return name, append([]measured{{b.Completed, "records/s"}}, benchLatencies(&run)...)
}
