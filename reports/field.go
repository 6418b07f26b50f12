package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Field is what is kept of comparisons of all consumers: so much that a reader can
// compare designs, in a file small enough to be kept with the source.
type Field struct {
	Runs []FieldRun `json:"runs"`
}

// FieldRun is one comparison.
type FieldRun struct {
	Backend   string          `json:"backend"`
	Broker    string          `json:"broker"`
	Modelled  bool            `json:"modelled"`
	Date      string          `json:"date"`
	Command   string          `json:"command"`
	Seed      uint64          `json:"seed"`
	Machine   string          `json:"machine"`
	Commit    string          `json:"commit,omitempty"` // Commit of Stampede, "" if the result does not have it.
	Runs      int             `json:"runs"`
	Planned   int             `json:"planned"` // Planned is more than Runs where the comparison was interrupted.
	Scenarios []FieldScenario `json:"scenarios"`
}

// FieldScenario is one scenario, with the consumers in the order of the comparison.
type FieldScenario struct {
	Name      string     `json:"name"`
	Load      string     `json:"load"` // Load and topology in words.
	Faults    []string   `json:"faults,omitempty"`
	Records   int64      `json:"records"` // Records that landed in a run, at most.
	Consumers []FieldRow `json:"consumers"`
}

// FieldRow is one consumer in one scenario.
type FieldRow struct {
	Consumer string `json:"consumer"`
	Repeats  int    `json:"repeats"`
	// Verdict is "as claimed", or what was not: the checks that failed, the assumption
	// that broke, or the reason to skip it.
	Verdict string        `json:"verdict"`
	Figures *FieldFigures `json:"figures,omitempty"` // Figures are nil where no run gave a verdict.
}

// FieldFigures are those of the summary, the medians of the repeats that gave a verdict;
// what there is none of is nil.
type FieldFigures struct {
	Completed float64        `json:"completed_per_s"`
	P50       *time.Duration `json:"p50_ns,omitempty"`
	P99       *time.Duration `json:"p99_ns,omitempty"`
	Backlog   int64          `json:"most_backlog"`
	Recovery  *time.Duration `json:"recovery_ns,omitempty"` // Recovery may be [harness.Never].
	Redone    int64          `json:"duplicates_explained"`
	CPU       float64        `json:"cpu_s_per_1000,omitempty"`
}

// ReadField reads what [Field.JSON] wrote.
func ReadField(r io.Reader) (*Field, error) {
	f := new(Field)
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("read the figures of the field: %w", err)
	}
	return f, nil
}

// JSON writes the field for [ReadField].
func (f *Field) JSON(w io.Writer) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		return fmt.Errorf("encode the figures of the field: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// backends is the order of a field's runs.
var backends = []string{"embedded", "docker", "virtual"}

// Take puts comparisons in place of all that the field has of their back ends.
func (f *Field) Take(cs ...*harness.Comparison) {
	f.Runs = slices.DeleteFunc(f.Runs, func(r FieldRun) bool {
		return slices.ContainsFunc(cs, func(c *harness.Comparison) bool { return c.Backend == r.Backend })
	})
	for _, c := range cs {
		f.Runs = append(f.Runs, newView(c).fieldRun())
	}
	slices.SortStableFunc(f.Runs, func(a, b FieldRun) int {
		return slices.Index(backends, a.Backend) - slices.Index(backends, b.Backend)
	})
}

func (v *view) fieldRun() FieldRun {
	env := map[string]string{}
	for _, s := range v.Environment {
		env[strings.ToLower(s.Name)] = s.Value
	}
	r := FieldRun{
		Backend: v.Backend, Broker: v.Broker, Modelled: v.Modelled, Date: v.Started.UTC().Format(time.DateOnly),
		Command: v.Command, Seed: v.Seed, Commit: env["commit"], Runs: len(v.Runs), Planned: v.Planned,
	}
	if r.Commit != "" && env["changes"] != "" {
		r.Commit += ", with changes " + env["changes"]
	}
	var machine []string
	for _, name := range []string{"cpu", "cpus", "memory", "kernel", "go"} {
		if value := env[name]; value != "" {
			if name == "cpus" || name == "memory" {
				value = name + " " + value
			}
			machine = append(machine, value)
		}
	}
	r.Machine = strings.Join(machine, "; ")
	for i := range v.Scenarios {
		r.Scenarios = append(r.Scenarios, v.fieldScenario(&v.Scenarios[i]))
	}
	return r
}

func (v *view) fieldScenario(s *harness.ScenarioInfo) FieldScenario {
	f := FieldScenario{Name: s.Name, Faults: s.Faults, Load: fmt.Sprintf("%s; keys %s; service %s; %s, %s of %s, a window of %s",
		s.Pacer, s.Keys, s.Service, plural(s.Partitions, "partition"), plural(s.Pods, "pod"), plural(s.Workers, "worker"), count(float64(s.Window)))}
	for _, special := range []string{s.Failures, s.Slowdown} {
		if special != "" {
			f.Load += "; " + special
		}
	}
	for _, consumer := range v.Consumers {
		c := v.cell(s.Name, consumer.Name)
		if c == nil {
			continue
		}
		for _, r := range v.runs(c) {
			f.Records = max(f.Records, r.Counts.Appended)
		}
		f.Consumers = append(f.Consumers, FieldRow{
			Consumer: v.short[consumer.Name], Repeats: len(c.Runs), Verdict: v.fieldVerdict(c), Figures: v.fieldFigures(c),
		})
	}
	return f
}

// fieldVerdict is a cell's verdict in words that need no other column.
func (v *view) fieldVerdict(c *harness.Cell) string {
	if c.Status == harness.Pass && c.Expected {
		return "as claimed"
	}
	o := v.outcome(c)
	words := o.Word
	if c.Status == harness.Fail || c.Status == harness.Overload {
		if len(o.Counts) > 0 {
			words += ": " + strings.Join(o.Counts, ", ")
		}
	} else if broken := v.broken(c); broken != "" {
		return words + ": " + broken
	}
	if o.Note != "" {
		words += " (" + o.Note + ")"
	}
	return words
}

// broken are the assumptions that did not hold in some run of a cell.
func (v *view) broken(c *harness.Cell) string {
	var names []string
	for _, r := range v.runs(c) {
		for _, a := range r.Assumptions {
			if !a.Held && !slices.Contains(names, a.Name) {
				names = append(names, a.Name)
			}
		}
	}
	return list(names)
}

func (v *view) fieldFigures(c *harness.Cell) *FieldFigures {
	runs := v.concluded(c)
	if len(runs) == 0 {
		return nil
	}
	f := &FieldFigures{
		Completed: rounded(spreadOf(runs, completed).median),
		Backlog:   int64(spreadOf(runs, maxBacklog).median),
		Redone:    int64(spreadOf(runs, explained).median),
		CPU:       rounded(spreadOf(runs, cpuPerThousand).median),
	}
	if curve := curveOf(c, everyRecord); curve != nil {
		f.P50, f.P99 = quantile(curve, 0.5), quantile(curve, 0.99)
	}
	if s := spreadOf(runs, recovery); s.n > 0 {
		took := harness.Never
		if !math.IsInf(s.median, 1) {
			took = time.Duration(s.median * float64(time.Second))
		}
		f.Recovery = &took
	}
	return f
}

// quantile is that of a curve, nil past its end.
func quantile(c *harness.Curve, q float64) *time.Duration {
	s, ok := at(c, q)
	if !ok {
		return nil
	}
	d := time.Duration(s * float64(time.Second)).Round(time.Microsecond)
	return &d
}

// rounded keeps three digits behind the point: more is noise, and hard to read in a file.
func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }
