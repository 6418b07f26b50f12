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
	"github.com/stampede-bench/stampede/harness/plain"
)

// Snapshot is the saved table of comparisons of all consumers: enough to compare
// designs, and small enough to be kept with the source.
type Snapshot struct {
	Runs []SnapshotRun `json:"runs"`
}

// SnapshotRun is one comparison.
type SnapshotRun struct {
	Backend   string             `json:"backend"`
	Broker    string             `json:"broker"`
	Modelled  bool               `json:"modelled"`
	Date      string             `json:"date"`
	Command   string             `json:"command"`
	Seed      uint64             `json:"seed"`
	Machine   string             `json:"machine"`
	Commit    string             `json:"commit,omitempty"` // Commit of Stampede, "" if unknown.
	Runs      int                `json:"runs"`
	Planned   int                `json:"planned"` // Planned is more than Runs if the comparison was interrupted.
	Scenarios []SnapshotScenario `json:"scenarios"`
}

// SnapshotScenario is one scenario, with the consumers in the order of the comparison.
type SnapshotScenario struct {
	Name      string        `json:"name"`
	Load      string        `json:"load"` // Load and topology in words.
	Faults    []string      `json:"faults,omitempty"`
	Records   int64         `json:"records"` // Records is the highest number of records appended in a run.
	Consumers []SnapshotRow `json:"consumers"`
}

// SnapshotRow is one consumer in one scenario.
type SnapshotRow struct {
	Consumer string `json:"consumer"`
	Repeats  int    `json:"repeats"`
	// Verdict is "as claimed", or what was different: the checks that failed, the
	// assumption that broke, or the reason to skip it.
	Verdict string           `json:"verdict"`
	Metrics *SnapshotMetrics `json:"metrics,omitempty"` // Metrics are nil if no run gave a verdict.
}

// SnapshotMetrics are medians of the repeats with a verdict. A value that does not
// exist is nil.
type SnapshotMetrics struct {
	Completed   float64        `json:"completed_per_s"`
	P50         *time.Duration `json:"p50_ns,omitempty"`
	P99         *time.Duration `json:"p99_ns,omitempty"`
	Backlog     int64          `json:"most_backlog"`
	Recovery    *time.Duration `json:"recovery_ns,omitempty"` // Recovery may be [harness.Never].
	Redelivered int64          `json:"redelivered"`
	CPU         float64        `json:"cpu_s_per_1000,omitempty"`
}

// ReadSnapshot reads what [Snapshot.JSON] wrote.
func ReadSnapshot(r io.Reader) (*Snapshot, error) {
	f := new(Snapshot)
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("read the snapshot: %w", err)
	}
	return plain.Copy(f), nil
}

// JSON writes the snapshot for [ReadSnapshot].
func (f *Snapshot) JSON(w io.Writer) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(plain.Copy(f)); err != nil {
		return fmt.Errorf("encode the snapshot: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// backendOrder is the order of the runs of a snapshot.
var backendOrder = []string{"embedded", "docker", "virtual"}

// ReplaceRuns replaces all runs of the back ends of some comparisons by these.
func (f *Snapshot) ReplaceRuns(cs ...*harness.Comparison) {
	f.Runs = slices.DeleteFunc(f.Runs, func(r SnapshotRun) bool {
		return slices.ContainsFunc(cs, func(c *harness.Comparison) bool { return c.Backend == r.Backend })
	})
	for _, c := range cs {
		f.Runs = append(f.Runs, newView(plain.Copy(c)).snapshotRun())
	}
	slices.SortStableFunc(f.Runs, func(a, b SnapshotRun) int {
		return slices.Index(backendOrder, a.Backend) - slices.Index(backendOrder, b.Backend)
	})
}

func (v *view) snapshotRun() SnapshotRun {
	env := map[string]string{}
	for _, s := range v.Environment {
		env[strings.ToLower(s.Name)] = s.Value
	}
	r := SnapshotRun{
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
		r.Scenarios = append(r.Scenarios, v.snapshotScenario(&v.Scenarios[i]))
	}
	return r
}

func (v *view) snapshotScenario(s *harness.ScenarioInfo) SnapshotScenario {
	f := SnapshotScenario{Name: s.Name, Faults: s.Faults, Load: fmt.Sprintf("%s; keys %s; service %s; %s, %s of %s, a window of %s",
		s.Pacer, s.Keys, s.Service, plural(s.Partitions, "partition"), plural(s.Pods, "pod"), plural(s.Workers, "worker"), formatCount(float64(s.Window)))}
	for _, special := range []string{s.Failures, s.Slowdown, joinParts(formatLinger(s), s.Producer), s.Topic} {
		if special != "" {
			f.Load += "; " + special
		}
	}
	for _, consumer := range v.Consumers {
		c := v.cellOf(s.Name, consumer.Name)
		if c == nil {
			continue
		}
		for _, r := range v.runsOf(c) {
			f.Records = max(f.Records, r.Counts.Appended)
		}
		f.Consumers = append(f.Consumers, SnapshotRow{
			Consumer: v.short[consumer.Name], Repeats: len(c.Runs), Verdict: v.snapshotVerdict(c), Metrics: v.snapshotMetrics(c),
		})
	}
	return f
}

// snapshotVerdict is a cell's verdict in words.
func (v *view) snapshotVerdict(c *harness.Cell) string {
	if c.Status == harness.Pass && c.Expected && !v.claimsNothing(c) {
		words := "as claimed"
		for _, check := range v.warnedChecks(c) {
			words += ", " + warningWord + ": " + tallyOf(v.runsOf(c), check, harness.Warning)
		}
		return words
	}
	o := v.outcomeOf(c)
	words := o.Word
	if c.Status == harness.Fail || c.Status == harness.Overload {
		if len(o.Counts) > 0 {
			words += ": " + strings.Join(o.Counts, ", ")
		}
	} else if broken := v.brokenAssumptions(c); broken != "" {
		return words + ": " + broken
	}
	if o.Note != "" {
		words += " (" + o.Note + ")"
	}
	return words
}

// brokenAssumptions are the assumptions that broke in some run of a cell.
func (v *view) brokenAssumptions(c *harness.Cell) string {
	var names []string
	for _, r := range v.runsOf(c) {
		for _, a := range r.Assumptions {
			if !a.Held && !slices.Contains(names, a.Name) {
				names = append(names, a.Name)
			}
		}
	}
	return joinWords(names)
}

func (v *view) snapshotMetrics(c *harness.Cell) *SnapshotMetrics {
	runs := v.concludedRuns(c)
	if len(runs) == 0 {
		return nil
	}
	f := &SnapshotMetrics{
		Completed:   roundToMilli(spreadOf(runs, completedRate.Of).median),
		Backlog:     int64(spreadOf(runs, maxBacklog.Of).median),
		Redelivered: int64(spreadOf(runs, redelivered.Of).median),
		CPU:         roundToMilli(spreadOf(runs, cpuPerThousand.Of).median),
	}
	if curve := curveOf(c, everyRecord); curve != nil {
		f.P50, f.P99 = curveQuantile(curve, 0.5), curveQuantile(curve, 0.99)
	}
	if s := spreadOf(runs, slowestRecovery.Of); s.n > 0 {
		took := harness.Never
		if !math.IsInf(s.median, 1) {
			took = time.Duration(s.median * float64(time.Second))
		}
		f.Recovery = &took
	}
	return f
}

// curveQuantile is the latency at a quantile, nil after the curve's end.
func curveQuantile(c *harness.Curve, q float64) *time.Duration {
	s, ok := latencyAt(c, q)
	if !ok {
		return nil
	}
	d := time.Duration(s * float64(time.Second)).Round(time.Microsecond)
	return &d
}

// roundToMilli keeps three digits after the point: more would be noise.
func roundToMilli(v float64) float64 { return math.Round(v*1000) / 1000 }
