package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/plain"
)

// pageWidth is how many columns of a terminal the text keeps to where names allow it.
const pageWidth = 118

// RenderText writes the comparison for a terminal: verdicts first, then the first
// anomaly of each kind, the objectives, the results, the warnings, and how much a pass proves.
func RenderText(w io.Writer, c *harness.Comparison) error {
	t := &text{view: newView(plain.Copy(c))}
	t.writeHead()
	t.writeVerdicts()
	t.writeAnomalies()
	t.writeObjectives()
	t.writeResults()
	t.writeStages()
	t.writeBare()
	t.writeWarnings()
	t.writeConfidence()
	_, err := w.Write(t.Bytes())
	return err
}

type text struct {
	*view
	bytes.Buffer
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(t, format, args...) }

func (t *text) writeTitle(title string) { t.printf("\n%s\n", strings.ToUpper(title)) }

func (t *text) writeHead() {
	t.printf("%s", wrap(t.headlineText()+".", pageWidth, ""))
	for _, r := range t.remarkTexts() {
		t.printf("%s", wrap(r, pageWidth, ""))
	}
	for _, c := range t.caveatTexts() {
		t.printf("%s", wrap("! "+c, pageWidth, ""))
	}
	t.printf("%s", wrap(fmt.Sprintf("%s on %s, seed %d, %s, took %s%s", plural(len(t.Runs), "run"), t.Backend, t.Seed,
		t.Started.UTC().Format("2006-01-02 15:04 MST"), formatDuration(t.Took.Seconds()), describeParts(t.Comparison)), pageWidth, ""))
}

// writeVerdicts writes a matrix if it fits, else a list.
func (t *text) writeVerdicts() {
	t.writeTitle("verdicts")
	matrix := table{right: 99}
	head := []string{"scenario"}
	for _, i := range t.Consumers {
		head = append(head, i.Name+controlMark(&i))
	}
	matrix.addRow(head...)
	for _, s := range t.Scenarios {
		row := []string{s.Name}
		for _, i := range t.Consumers {
			row = append(row, t.cellText(t.cellOf(s.Name, i.Name)))
		}
		matrix.addRow(row...)
	}
	if matrix.totalWidth() > pageWidth {
		matrix = table{right: 99}
		last := ""
		t.eachCell(func(s *harness.ScenarioInfo, c *harness.Cell) {
			name := s.Name
			if name == last {
				name = ""
			}
			last = s.Name
			matrix.addRow(name, c.Consumer+controlMark(t.consumerInfo(c.Consumer)), t.cellText(c))
		})
	}
	matrix.writeTo(t)
	t.eachCell(func(s *harness.ScenarioInfo, c *harness.Cell) {
		if note := t.noteOf(c); note != "" && note != notJudgedNote {
			t.printf("%s", wrap(fmt.Sprintf("%s, %s: %s", s.Name, c.Consumer, note), pageWidth, "  "))
		}
	})
}

func controlMark(i *harness.ConsumerInfo) string {
	if isControl(i) {
		return " (control)"
	}
	return ""
}

// cellText is the outcome of a cell. Capitals mark a failure that is not expected.
func (t *text) cellText(c *harness.Cell) string {
	if c == nil {
		return missing
	}
	o := t.outcomeOf(c)
	s := o.Word
	if o.Status == harness.Fail && !isControl(t.consumerInfo(c.Consumer)) {
		s = strings.Replace(s, string(harness.Fail), "FAIL", 1)
	}
	if len(o.Counts) > 0 {
		s += ", " + strings.Join(o.Counts, ", ")
	}
	if !o.Expected {
		s += " (!)"
	}
	return s
}

func (t *text) writeAnomalies() {
	all := t.firstAnomalies()
	if len(all) == 0 {
		return
	}
	t.writeTitle("first anomaly of each kind")
	for _, e := range all {
		head := fmt.Sprintf("%s, %s: %s", e.Cell.Scenario, e.Cell.Consumer, e.Tally)
		if e.HeldTo != "" {
			head += ", claim: " + e.HeldTo
		}
		if e.Warning {
			head += ", " + warningRemark
		}
		if e.Note != "" {
			head += " (" + e.Note + ")"
		}
		t.printf("%s", wrap(head, pageWidth, "  "))
		switch {
		case e.Anomaly != nil:
			if e.Warning && e.Detail != "" {
				t.printf("%s", wrap(e.Detail, pageWidth, "    "))
			}
			t.printf("%s%s%s", evidenceText(e.Anomaly.Text, "    "), wrap(e.position(), pageWidth, "    "), timelineText(e.Anomaly, "      "))
		case e.Detail != "":
			t.printf("%s", wrap(e.Detail, pageWidth, "    "))
		}
		if e.Ledger != "" {
			t.printf("    Ledger:    %s\n    Reproduce: %s\n", plain.Line(e.Ledger), plain.Line(e.Command))
		}
	}
}

// position tells where and when an anomaly happened.
func (e anomaly) position() string {
	a := e.Anomaly
	parts := a.DescribeRecord()
	if len(a.Pods) > 0 {
		parts = append(parts, strings.Join(a.Pods, ", "))
	}
	parts = append(parts, "at "+formatMoment(seconds(a.At)))
	if e.Repeat > 0 {
		parts = append(parts, fmt.Sprintf("repeat %d", e.Repeat))
	}
	return strings.Join(parts, "; ")
}

// formatMoment is a time of a run to the millisecond.
func formatMoment(s float64) string { return fmt.Sprintf("%.3f s", s) }

func (t *text) writeResults() {
	t.writeTitle("results")
	if n := t.maxRepeats(); n > 1 {
		t.printf("  Median of up to %d repeats; report.html has the ranges. Latencies are of all records of the repeats that passed.\n", n)
	}
	t.writeColumns(slices.DeleteFunc(t.usedColumns(columns), func(k column) bool { return k.pageOnly }), func(*harness.Cell) bool { return true })
	t.writeMissingLatencies()
}

// writeColumns writes a table of results of the cells that has selects.
func (t *text) writeColumns(shown []column, has func(*harness.Cell) bool) {
	sum := table{right: 1}
	addColumnHeads(&sum, shown)
	for _, s := range t.Scenarios {
		head := joinParts(s.Name, formatLinger(&s))
		for _, i := range t.Consumers {
			c := t.cellOf(s.Name, i.Name)
			if c == nil || !has(c) {
				continue
			}
			if head != "" {
				sum.addRow(head)
				head = ""
			}
			row := []string{"  " + t.short[i.Name]}
			for _, col := range shown {
				row = append(row, col.valueOf(t.view, c).Value)
			}
			sum.addRow(row...)
		}
	}
	sum.writeTo(t)
}

// writeStages writes where the latency goes.
func (t *text) writeStages() {
	shown := t.usedColumns(stageColumns)
	if len(shown) == 0 {
		return
	}
	t.writeTitle("where the latency goes")
	t.writeColumns(shown, func(c *harness.Cell) bool { return len(t.runsWithStages(c)) > 0 })
	for _, note := range t.stageNotes() {
		t.printf("%s", wrap(note, pageWidth, "  "))
	}
}

// writeMissingLatencies says why cells have no latencies, one line for each
// consumer and reason.
func (t *text) writeMissingLatencies() {
	var keys []string
	where := map[string][]string{}
	for _, i := range t.Consumers {
		for _, s := range t.Scenarios {
			if c := t.cellOf(s.Name, i.Name); c != nil && curveOf(c, everyRecord) == nil {
				key := i.Name + " has no latencies (" + t.whyNoLatency(c) + ")"
				if where[key] == nil {
					keys = append(keys, key)
				}
				where[key] = append(where[key], s.Name)
			}
		}
	}
	for _, key := range keys {
		t.printf("%s", wrap(key+" on "+joinWords(where[key]), pageWidth, "  "))
	}
}

// addColumnHeads adds rows with the group, the title and the unit of each column.
func addColumnHeads(to *table, shown []column) {
	groups, titles, units := []string{""}, []string{"scenario"}, []string{""}
	last := ""
	for _, k := range shown {
		group := k.Group
		if group == last {
			group = ""
		}
		last = k.Group
		groups, titles, units = append(groups, group), append(titles, k.Title), append(units, k.Unit)
	}
	to.addRow(groups...)
	to.addRow(titles...)
	to.addRow(units...)
}

func (t *text) writeWarnings() {
	all := t.view.warnings()
	if len(all) == 0 {
		return
	}
	t.writeTitle("warnings")
	for _, p := range all {
		t.printf("%s", wrap(fmt.Sprintf("%s, %s, repeat %s: %s: %s", p.Scenario, p.Consumer, p.Repeats(), p.What, p.Detail), pageWidth, "  "))
	}
}

func (t *text) writeConfidence() {
	all := t.view.confidences()
	if len(all) == 0 {
		return
	}
	t.writeTitle("how much a pass proves")
	t.printf("  These runs had no violation. With 95 %% confidence, at most the share on the right has one: 1 - 0.05^(1/n) for n trials.\n")
	out := table{right: 2}
	out.addRow("consumer", "scenarios", "runs", "injections", "records", "violations at most")
	for _, a := range all {
		out.addRow(a.Consumer, a.Scenarios, formatCount(float64(a.Runs)), formatCount(float64(a.Injections)), formatCount(float64(a.Records)), a.AtMost())
	}
	out.writeTo(t)
}
