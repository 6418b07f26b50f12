package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// snapshotColumns are the figures of the page; what they mean is in [columns].
var snapshotColumns = []struct {
	title string
	of    func(f *SnapshotMetrics) string
}{
	{"done/s", func(f *SnapshotMetrics) string { return formatRate(f.Completed) }},
	{"p50", func(f *SnapshotMetrics) string { return durationOr(f.P50) }},
	{"p99", func(f *SnapshotMetrics) string { return durationOr(f.P99) }},
	{"backlog", func(f *SnapshotMetrics) string { return formatCount(float64(f.Backlog)) }},
	{"recovery", func(f *SnapshotMetrics) string { return durationOr(f.Recovery) }},
	{"redone", func(f *SnapshotMetrics) string { return formatCount(float64(f.Redelivered)) }},
	{"CPU s/k", func(f *SnapshotMetrics) string {
		if f.CPU == 0 {
			return missing
		}
		return three(f.CPU)
	}},
}

// consumersOn are the consumers that have figures on a back end, in whichever run.
func (f *Snapshot) consumersOn(backend string) (names []string) {
	for i := range f.Runs {
		if f.Runs[i].Backend == backend {
			names = append(names, f.Runs[i].consumerNames()...)
		}
	}
	return names
}

// Markdown writes the figures as sections of a page that has a section for each of
// the consumers named, to which the rows link. What a run lacks of them it says, as it
// says which of its own are not among them; neither is an error.
func (f *Snapshot) Markdown(w io.Writer, consumers []string) error {
	var b bytes.Buffer
	if len(f.Runs) == 0 {
		b.WriteString("\nNo figures yet.\n")
	} else {
		b.WriteString("\n")
		for _, k := range snapshotColumns {
			fmt.Fprintf(&b, "- *%s*: %s\n", k.title, docOfColumn(k.title))
		}
	}
	for i := range f.Runs {
		f.Runs[i].writeSection(&b, consumers, f.consumersOn(f.Runs[i].Backend))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func docOfColumn(title string) string {
	for _, c := range columns {
		if c.Title == title {
			return c.Doc
		}
	}
	return ""
}

func (r *SnapshotRun) writeSection(b *bytes.Buffer, consumers, known []string) {
	fmt.Fprintf(b, "\n### On %s, %s\n\n`%s`, seed %d: %s. Broker: %s. Machine: %s.", r.Backend, r.Date, r.Command, r.Seed, plural(r.Runs, "run"), r.Broker, r.Machine)
	if r.Commit != "" {
		fmt.Fprintf(b, " Stampede's commit: %s.", r.Commit)
	}
	if r.Modelled {
		b.WriteString(" No real Kafka ran: the figures rank designs only.")
	}
	b.WriteString("\n")
	has := r.consumerNames()
	note := func(what string, names, in []string) {
		lacking := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(in, n) })
		if len(lacking) > 0 {
			fmt.Fprintf(b, "\n%s: %s.\n", what, joinWords(lacking))
		}
	}
	note("No figures yet", consumers, known)
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
		b.WriteString(" " + k.title + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("--:|", len(snapshotColumns)) + "\n")
	for i := range s.Consumers {
		row := &s.Consumers[i]
		name := row.Consumer
		if slices.Contains(consumers, row.baseName()) {
			name = fmt.Sprintf("[%s](#%s)", name, row.baseName())
		}
		fmt.Fprintf(b, "| %s | %s |", name, escapeCell(row.Verdict))
		for _, k := range snapshotColumns {
			value := missing
			if row.Metrics != nil {
				value = k.of(row.Metrics)
			}
			b.WriteString(" " + value + " |")
		}
		b.WriteString("\n")
	}
}

// escapeCell keeps a text within its cell.
func escapeCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

func durationOr(d *time.Duration) string {
	if d == nil {
		return missing
	}
	return formatDuration(seconds(*d))
}
