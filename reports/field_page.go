package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// fieldColumns are the figures of the page; what they mean is in [columns].
var fieldColumns = []struct {
	title string
	of    func(f *FieldFigures) string
}{
	{"done/s", func(f *FieldFigures) string { return rate(f.Completed) }},
	{"p50", func(f *FieldFigures) string { return durationOr(f.P50) }},
	{"p99", func(f *FieldFigures) string { return durationOr(f.P99) }},
	{"backlog", func(f *FieldFigures) string { return count(float64(f.Backlog)) }},
	{"recovery", func(f *FieldFigures) string { return durationOr(f.Recovery) }},
	{"redone", func(f *FieldFigures) string { return count(float64(f.Redone)) }},
	{"CPU s/k", func(f *FieldFigures) string {
		if f.CPU == 0 {
			return none
		}
		return three(f.CPU)
	}},
}

// of are the consumers that have figures on a back end, in whichever run.
func (f *Field) of(backend string) (names []string) {
	for i := range f.Runs {
		if f.Runs[i].Backend == backend {
			names = append(names, f.Runs[i].consumers()...)
		}
	}
	return names
}

// Markdown writes the figures as sections of a page that has a section for each of
// the consumers named, to which the rows link. What a run lacks of them it says, as it
// says which of its own are not among them; neither is an error.
func (f *Field) Markdown(w io.Writer, consumers []string) error {
	var b bytes.Buffer
	if len(f.Runs) == 0 {
		b.WriteString("\nNo figures yet.\n")
	} else {
		b.WriteString("\n")
		for _, k := range fieldColumns {
			fmt.Fprintf(&b, "- *%s*: %s\n", k.title, columnDoc(k.title))
		}
	}
	for i := range f.Runs {
		f.Runs[i].markdown(&b, consumers, f.of(f.Runs[i].Backend))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func columnDoc(title string) string {
	for _, c := range columns {
		if c.Title == title {
			return c.Doc
		}
	}
	return ""
}

func (r *FieldRun) markdown(b *bytes.Buffer, consumers, known []string) {
	fmt.Fprintf(b, "\n### On %s, %s\n\n`%s`, seed %d: %s. Broker: %s. Machine: %s.", r.Backend, r.Date, r.Command, r.Seed, plural(r.Runs, "run"), r.Broker, r.Machine)
	if r.Commit != "" {
		fmt.Fprintf(b, " Stampede's commit: %s.", r.Commit)
	}
	if r.Modelled {
		b.WriteString(" No real Kafka ran: the figures rank designs only.")
	}
	b.WriteString("\n")
	has := r.consumers()
	note := func(what string, names, in []string) {
		lacking := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(in, n) })
		if len(lacking) > 0 {
			fmt.Fprintf(b, "\n%s: %s.\n", what, list(lacking))
		}
	}
	note("No figures yet", consumers, known)
	note("Not among the consumers above", has, consumers)
	if r.Runs < r.Planned {
		fmt.Fprintf(b, "\nInterrupted: %s were planned.\n", plural(r.Planned, "run"))
	}
	for i := range r.Scenarios {
		r.Scenarios[i].markdown(b, consumers)
	}
}

// consumers are the names of a run's consumers, without protocol and knobs.
func (r *FieldRun) consumers() (names []string) {
	for _, s := range r.Scenarios {
		for _, row := range s.Consumers {
			if name := row.base(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (r *FieldRow) base() string {
	return r.Consumer[:strings.IndexAny(r.Consumer+"@", "@?")]
}

func (s *FieldScenario) markdown(b *bytes.Buffer, consumers []string) {
	fmt.Fprintf(b, "\n#### %s\n\n%s records: %s.", s.Name, count(float64(s.Records)), s.Load)
	if len(s.Faults) > 0 {
		fmt.Fprintf(b, " Faults: %s.", list(s.Faults))
	}
	b.WriteString("\n\n| consumer | verdict |")
	for _, k := range fieldColumns {
		b.WriteString(" " + k.title + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("--:|", len(fieldColumns)) + "\n")
	for i := range s.Consumers {
		row := &s.Consumers[i]
		name := row.Consumer
		if slices.Contains(consumers, row.base()) {
			name = fmt.Sprintf("[%s](#%s)", name, row.base())
		}
		fmt.Fprintf(b, "| %s | %s |", name, cellSafe(row.Verdict))
		for _, k := range fieldColumns {
			value := none
			if row.Figures != nil {
				value = k.of(row.Figures)
			}
			b.WriteString(" " + value + " |")
		}
		b.WriteString("\n")
	}
}

// cellSafe keeps a text within its cell.
func cellSafe(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

func durationOr(d *time.Duration) string {
	if d == nil {
		return none
	}
	return duration(seconds(*d))
}
