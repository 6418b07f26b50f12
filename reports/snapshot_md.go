package reports

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness/plain"
)

// snapshotColumns are the columns of the document, by their titles in [columns].
var snapshotColumns = []struct {
	title string
	value func(m *SnapshotMetrics) string
}{
	{"completed", func(m *SnapshotMetrics) string { return formatRate(m.Completed) }},
	{"p50", func(m *SnapshotMetrics) string { return formatOptional(m.P50, formatMillis) }},
	{"p99", func(m *SnapshotMetrics) string { return formatOptional(m.P99, formatMillis) }},
	{"backlog", func(m *SnapshotMetrics) string { return formatCount(float64(m.Backlog)) }},
	{"recovery", func(m *SnapshotMetrics) string { return formatOptional(m.Recovery, formatSeconds) }},
	{"redelivered", func(m *SnapshotMetrics) string { return formatCount(float64(m.Redelivered)) }},
	{"CPU", func(m *SnapshotMetrics) string {
		if m.CPU == 0 {
			return missing
		}
		return three(m.CPU)
	}},
}

// columnTitled is the column with a title. A title that does not exist is a bug.
func columnTitled(title string) column {
	return columns[slices.IndexFunc(columns, func(k column) bool { return k.Title == title })]
}

// consumersOn are the consumers that have results of a back end.
func (f *Snapshot) consumersOn(backend string) (names []string) {
	for i := range f.Runs {
		if f.Runs[i].Backend == backend {
			names = append(names, f.Runs[i].consumerNames()...)
		}
	}
	return names
}

// Markdown writes the snapshot as sections of a document that has a section for
// each of the consumers named; the rows link to them. A run says which of these
// consumers it lacks, and which of its own are not among them.
func (f *Snapshot) Markdown(w io.Writer, consumers []string) error {
	f, consumers = f.escapeTexts(), plain.Map(consumers, escapeMarkdown)
	var b bytes.Buffer
	if len(f.Runs) == 0 {
		b.WriteString("\nNo results yet.\n")
	} else {
		b.WriteString("\n")
		for _, k := range snapshotColumns {
			c := columnTitled(k.title)
			fmt.Fprintf(&b, "- *%s*: %s\n", c.Head(), c.Doc)
		}
	}
	for i := range f.Runs {
		f.Runs[i].writeSection(&b, consumers, f.consumersOn(f.Runs[i].Backend))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// escapeTexts is a copy of which all texts are Markdown. Names in it can be compared with
// names that are escaped too.
func (f *Snapshot) escapeTexts() *Snapshot {
	escaped := plain.Map(f, escapeMarkdown)
	for i := range f.Runs {
		escaped.Runs[i].Command = codeSpan(f.Runs[i].Command)
	}
	return escaped
}

func (r *SnapshotRun) writeSection(b *bytes.Buffer, consumers, known []string) {
	fmt.Fprintf(b, "\n### On %s, %s\n\n%s, seed %d: %s. Broker: %s. Machine: %s.", r.Backend, r.Date, r.Command, r.Seed, plural(r.Runs, "run"), r.Broker, r.Machine)
	if r.Commit != "" {
		fmt.Fprintf(b, " Commit of Stampede: %s.", r.Commit)
	}
	if r.Modelled {
		b.WriteString(" " + simulatedBroker)
	}
	b.WriteString("\n")
	has := r.consumerNames()
	note := func(what string, names, in []string) {
		lacking := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(in, n) })
		if len(lacking) > 0 {
			fmt.Fprintf(b, "\n%s: %s.\n", what, joinWords(lacking))
		}
	}
	note("No results yet", consumers, known)
	note("Not among the consumers above", has, consumers)
	if r.Runs < r.Planned {
		fmt.Fprintf(b, "\nInterrupted: %s were planned.\n", plural(r.Planned, "run"))
	}
	for i := range r.Scenarios {
		r.Scenarios[i].writeTable(b, consumers)
	}
}

// consumerNames are the names of a run's consumers, without protocol and knobs.
func (r *SnapshotRun) consumerNames() (names []string) {
	for _, s := range r.Scenarios {
		for _, row := range s.Consumers {
			if name := row.baseName(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (r *SnapshotRow) baseName() string {
	return r.Consumer[:strings.IndexAny(r.Consumer+"@", "@?")]
}

func (s *SnapshotScenario) writeTable(b *bytes.Buffer, consumers []string) {
	fmt.Fprintf(b, "\n#### %s\n\n%s records: %s.", s.Name, formatCount(float64(s.Records)), s.Load)
	if len(s.Faults) > 0 {
		fmt.Fprintf(b, " Faults: %s.", joinWords(s.Faults))
	}
	b.WriteString("\n\n| consumer | verdict |")
	for _, k := range snapshotColumns {
		b.WriteString(" " + columnTitled(k.title).Head() + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("--:|", len(snapshotColumns)) + "\n")
	for i := range s.Consumers {
		row := &s.Consumers[i]
		name := row.Consumer
		if slices.Contains(consumers, row.baseName()) {
			name = fmt.Sprintf("[%s](#%s)", name, row.baseName())
		}
		fmt.Fprintf(b, "| %s | %s |", name, row.Verdict)
		for _, k := range snapshotColumns {
			value := missing
			if row.Metrics != nil {
				value = k.value(row.Metrics)
			}
			b.WriteString(" " + value + " |")
		}
		b.WriteString("\n")
	}
}

var (
	markdownSpecial = regexp.MustCompile("[\\\\`*_\\[\\]<>|~&$]")
	markdownLink    = regexp.MustCompile(`(:)(//)|((?i:www))(\.)`)
	backticks       = regexp.MustCompile("`+")
)

// escapeMarkdown writes a text as Markdown that shows it, in one line: no markup, no
// link, no image and no end of a cell.
func escapeMarkdown(s string) string {
	s = markdownSpecial.ReplaceAllString(plain.Line(s), `\$0`)
	return markdownLink.ReplaceAllString(s, `$3\$1$2$4`)
}

// codeSpan is a text as code within a line. Its marks are longer than any in the text.
func codeSpan(s string) string {
	s, mark := plain.Line(s), "`"
	for _, found := range backticks.FindAllString(s, -1) {
		mark += found[:max(0, len(found)+1-len(mark))]
	}
	if len(mark) > 1 {
		s = " " + s + " "
	}
	return mark + s + mark
}

func formatOptional(d *time.Duration, format func(float64) string) string {
	if d == nil {
		return missing
	}
	return format(seconds(*d))
}
