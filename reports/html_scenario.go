package reports

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// pageScenario is the part of the page about one scenario.
type pageScenario struct {
	harness.ScenarioInfo
	Anchor  string
	Setup   []harness.Setting
	Rows    []resultRow // Rows of the table of results.
	Drawn   bool        // Drawn: there are charts.
	Tall    bool        // Tall: one of them is.
	Faults  []pageFault
	Costs   []costRow
	Bare    []bareRow      // Bare compares with bare clients.
	Judged  []objectiveRow // Judged are the objectives.
	Stages  []resultRow    // Stages have the parts of the latency.
	Keys    string
	Details []pageCell
	Packed  template.HTML // Packed has the parts that the page's script draws, see [packParts].
}

// scenarioCharts are the charts of a scenario, which the page's script draws.
type scenarioCharts struct {
	Legend []pageConsumer
	Drawn  string // Drawn says which runs the charts show.
	Charts []pageChart
}

// chartsPart is the name of the part with the charts of a scenario.
const chartsPart = "charts"

type resultRow struct {
	Consumer pageConsumer
	Values   []cellValue
}

// pageChart is a chart with its words.
type pageChart struct {
	Question, About string
	SVG             template.HTML
	Missing         string // Missing says which consumers are not in it, and why.
	Tall            bool   // Tall charts take two rows.
}

// pageFault is an injection with the recovery of each consumer.
type pageFault struct {
	Title string
	Rows  []faultRow
}

type faultRow struct {
	Consumer                   pageConsumer
	Target, Period, Partitions string
	Values                     []cellValue // Values are rate back, backlog back, empty, longest gap, work in flight.
}

// costRow is what a consumer used.
type costRow struct {
	Consumer pageConsumer
	Pods     string
	Values   []cellValue // Values are one for each of the page's CostColumns.
}

func (v *view) pageScenario(p *page, index int) (pageScenario, error) {
	s := v.Scenarios[index]
	out := pageScenario{ScenarioInfo: s, Anchor: fmt.Sprintf("scenario-%d", index), Setup: scenarioSetup(&s), Bare: v.bareRows(s.Name)}
	parts := map[string]string{}
	for i, consumer := range p.Consumers {
		c := v.cellOf(s.Name, consumer.Name)
		if c == nil {
			continue
		}
		out.Rows = append(out.Rows, v.resultRow(p.Columns, c, consumer))
		out.Judged = append(out.Judged, v.pageObjectives(c, consumer)...)
		if len(v.runsWithStages(c)) > 0 {
			out.Stages = append(out.Stages, v.resultRow(p.StageColumns, c, consumer))
		}
		if len(v.concludedRuns(c)) > 0 {
			out.Costs = append(out.Costs, v.costRow(p, c, consumer))
		}
		if out.Keys == "" {
			out.Keys = v.describeKeys(c)
		}
		cell := v.pageCell(c, consumer, cellLink(index, i))
		out.Details = append(out.Details, cell)
		if err := renderPart(parts, cell.Anchor, "cell", v.cellDetails(c)); err != nil {
			return out, err
		}
	}
	d := v.newDrawing(p, &s)
	out.Faults = v.pageFaults(d)
	if charts := d.allCharts(); len(charts) > 0 {
		out.Drawn = true
		out.Tall = slices.ContainsFunc(charts, func(c pageChart) bool { return c.Tall })
		if err := renderPart(parts, chartsPart, "charts", scenarioCharts{p.Consumers, d.describeRuns(), charts}); err != nil {
			return out, err
		}
	}
	var err error
	out.Packed, err = packParts(parts)
	return out, err
}

func (v *view) resultRow(shown []column, c *harness.Cell, consumer pageConsumer) resultRow {
	row := resultRow{Consumer: consumer}
	for _, k := range shown {
		row.Values = append(row.Values, k.valueOf(v, c))
	}
	row.Values = mergeMissing(row.Values)
	return row
}

// scenarioSetup describes a scenario as it was run.
func scenarioSetup(s *harness.ScenarioInfo) []harness.Setting {
	length := formatSpan(s.Load.Seconds()) + " of load"
	if s.Warmup > 0 {
		length += ", the first " + formatSpan(s.Warmup.Seconds()) + " are warm-up"
	}
	topology := plural(s.Partitions, "partition") + ", " + plural(s.Pods, "pod")
	if s.Spare > 0 {
		topology += " and " + strconv.Itoa(s.Spare) + " spare"
	}
	out := []harness.Setting{
		{Name: "Load", Value: s.Pacer},
		{Name: "Keys", Value: s.Keys},
		{Name: "Work", Value: s.Service + " for a record of " + formatSizes(s)},
		{Name: "Topology", Value: topology},
		{Name: "Per pod", Value: plural(s.Workers, "worker") + ", window " + formatCount(float64(s.Window))},
		{Name: "Time", Value: length + ", up to " + formatSpan(s.Drain.Seconds()) + " of drain"},
		{Name: "Intervals", Value: "commit " + formatSpan(s.Commit.Seconds()) + ", session " + formatSpan(s.Session.Seconds())},
	}
	if s.Profile != "" {
		out = append(out, harness.Setting{Name: "Profile", Value: s.Profile})
	}
	if s.Failures != "" {
		out = append(out, harness.Setting{Name: "Failing work", Value: s.Failures})
	}
	if s.Slowdown != "" {
		out = append(out, harness.Setting{Name: "Slow work", Value: s.Slowdown})
	}
	if producer := joinParts(formatLinger(s), s.Producer); producer != "" {
		out = append(out, harness.Setting{Name: "Producer", Value: producer})
	}
	if s.Topic != "" {
		out = append(out, harness.Setting{Name: "Topic", Value: s.Topic})
	}
	if len(s.Faults) > 0 {
		out = append(out, harness.Setting{Name: "Faults", Value: strings.Join(s.Faults, "; ")})
	}
	if s.Objectives != "" {
		out = append(out, harness.Setting{Name: "Objectives", Value: s.Objectives})
	}
	return out
}

// formatSizes says how long the values are.
func formatSizes(s *harness.ScenarioInfo) string {
	if s.Sizes != "" {
		return s.Sizes
	}
	return formatCount(float64(s.Payload)) + " bytes"
}

// describeKeys is the key distribution of the run of a cell that is drawn. The load
// of a repeat is the same for all consumers.
func (v *view) describeKeys(c *harness.Cell) string {
	r := v.drawnRun(c)
	if r == nil || r.Load.Keys.Distinct == 0 {
		return ""
	}
	k := r.Load.Keys
	parts := []string{plural(k.Distinct, "key") + " in " + plural(int(r.Counts.Appended), "record")}
	if len(k.Top) > 0 {
		parts = append(parts, fmt.Sprintf("the most frequent key has %s of the records", formatPercent(k.Top[0].Share)))
	}
	return strings.Join(append(parts,
		"the top 1 % of the keys have "+formatPercent(k.Top1Pct),
		"the fullest partition has "+three(k.MaxPart)+" times the mean"), ", ") + "."
}

func (v *view) costRow(p *page, c *harness.Cell, consumer pageConsumer) costRow {
	row := costRow{Consumer: consumer}
	for _, k := range p.CostColumns {
		row.Values = append(row.Values, k.valueOf(v, c))
	}
	pods, starts := 0, 0
	for _, p := range v.drawnRun(c).Pods {
		pods++
		starts += p.Incarnations
	}
	row.Pods = formatCount(float64(pods))
	if starts > pods {
		row.Pods += ", " + plural(starts-pods, "restart")
	}
	return row
}

// pageFaults are the injections of a scenario, by their number: a scenario injects
// the same for every consumer.
func (v *view) pageFaults(d *drawing) []pageFault {
	var out []pageFault
	for i := 0; ; i++ {
		f := pageFault{}
		for _, s := range d.shown {
			if i < len(s.run.Faults) {
				f.Title = s.run.Faults[i].Name
				f.Rows = append(f.Rows, v.faultRow(s, i))
			}
		}
		if len(f.Rows) == 0 {
			return out
		}
		out = append(out, f)
	}
}

func (v *view) faultRow(s shown, i int) faultRow {
	f := s.run.Faults[i]
	runs := v.concludedRuns(s.cell)
	of := func(needsSteady bool, value func(*harness.FaultReport) float64) cellValue {
		return spreadOf(runs, func(r *harness.Run) (float64, bool) {
			if i >= len(r.Faults) || needsSteady && !r.Faults[i].Steady {
				return 0, false
			}
			return value(&r.Faults[i]), true
		}).inWords(formatSeconds, "no steady phase before")
	}
	healed := "never healed"
	if f.Healed >= 0 {
		healed = "healed at " + formatDuration(seconds(f.Healed))
	}
	return faultRow{
		Consumer: s.consumer, Target: f.Target, Partitions: formatPartitions(f.Partitions),
		Period: formatDuration(seconds(f.Injected)) + ", " + healed,
		Values: mergeMissing([]cellValue{
			of(true, func(f *harness.FaultReport) float64 { return seconds(f.RateBack) }),
			of(true, func(f *harness.FaultReport) float64 { return seconds(f.BacklogBack) }),
			of(false, func(f *harness.FaultReport) float64 { return seconds(f.Empty) }),
			of(false, func(f *harness.FaultReport) float64 { return seconds(f.LongestGap) }),
			spreadOf(runs, func(r *harness.Run) (float64, bool) {
				if i >= len(r.Faults) {
					return 0, false
				}
				return r.Faults[i].WorkInFlight.Seconds(), r.Faults[i].WorkInFlight > 0
			}).inWords(formatSeconds, ""),
		}),
	}
}

// formatPartitions writes a set of partitions, or its size if it is large.
func formatPartitions(ps []int32) string {
	if len(ps) > 8 {
		return plural(len(ps), "partition")
	}
	var s []string
	for _, p := range ps {
		s = append(s, fmt.Sprint(p))
	}
	if len(s) == 0 {
		return missing
	}
	return strings.Join(s, ", ")
}
