package metric

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Metric is one entry of the table. Exactly one of Of, Quantile and Check says where its
// values come from.
type Metric struct {
	Name   string // Name is the name without its unit, as in an objective: p99, rss-max.
	Bench  string // Bench is the name in bench.txt, as rss-max-B; "" for a metric that is not there.
	Unit   Unit
	Higher bool // Higher values are better.
	Signed bool // Signed: values can be below 0.
	Doc    string

	// Of is the value of a run. It may be infinite, see [harness.Never].
	Of func(*harness.Run) (v float64, ok bool)
	// OfFault is the value for the faults of one name, nil for a metric that faults do not have.
	OfFault func(r *harness.Run, fault string) (v float64, ok bool)
	// Interval is the value with its confidence bounds or its place, nil for a metric that has
	// neither. An objective is then decided by the bounds. commit is the commit interval.
	Interval func(r *harness.Run, commit time.Duration) (i Interval, ok bool)

	// Quantile is the share of the records, in (0,1], that a percentile of the end-to-end
	// latency is of; 1 for the maximum.
	Quantile float64

	// Check names the check of the oracle that judges the metric, and takes its limit from an
	// objective. The run itself has no value.
	Check string

	// Explain says why a run has no value that should have one. nil: no more is known.
	Explain func(*harness.Run) string
	// Absent says why a run of this kind can have no value, "" if it should have one. nil: "".
	Absent func(*harness.Run) string
}

// Interval is a value with its confidence bounds, each one-sided at 95 %.
type Interval struct {
	Value, Lower, Upper float64
	Where               string // Where it was, as "partition 3"; "" for the run.
	Why                 string // Why the bounds are infinite: the sample is too small.
}

// All are the metrics in the order of bench.txt.
func All() []*Metric { return slices.Clone(table) }

// Percentiles are the metrics of the end-to-end latency that each run has.
func Percentiles() []*Metric { return slices.Clone(percentiles) }

// MustFind is Find for a name that is in the code.
func MustFind(name string) *Metric {
	m, err := Find(name)
	if err != nil {
		panic(err)
	}
	return m
}

// Find is the metric with this name, with or without its unit: p99 and p99-e2e-sec. A name
// as p95 or p99.95 is a percentile. The error names the nearest one.
func Find(name string) (*Metric, error) {
	for _, m := range table {
		if name != "" && (m.Name == name || m.Bench == name) {
			return m, nil
		}
	}
	short := strings.TrimSuffix(name, "-e2e-sec")
	if m := findPercentile(short); m != nil {
		return m, nil
	}
	if digits, ok := strings.CutPrefix(short, "p"); ok {
		if _, err := strconv.ParseFloat(digits, 64); err == nil {
			return nil, fmt.Errorf("no metric %q: a percentile is p50, p99 or p99.9, above 0 and below 100; the highest latency is max", name)
		}
	}
	return nil, fmt.Errorf("no metric %q: did you mean %s? There are %s", name, nearestName(name), strings.Join(names(), ", "))
}

// findPercentile is the metric of a percentile, nil for a name that is none.
func findPercentile(name string) *Metric {
	for _, m := range percentiles {
		if m.Name == name {
			return m
		}
	}
	digits, ok := strings.CutPrefix(name, "p")
	if !ok || digits == "" || strings.Trim(digits, "0123456789.") != "" || len(digits) > 8 {
		return nil
	}
	p, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(p > 0 && p < 100) {
		return nil
	}
	return newPercentile(p)
}

func names() (all []string) {
	for _, m := range table {
		all = append(all, m.Name)
	}
	return append(all, "p50, p99, p99.9 and every other percentile", "max")
}

// nearestName is the name that takes the fewest changes of letters.
func nearestName(name string) string {
	best, least := "", 0
	for _, m := range append(All(), percentiles...) {
		if d := countChanges(name, m.Name); best == "" || d < least {
			best, least = m.Name, d
		}
	}
	return best
}

// countChanges is the number of letters to add, drop or replace between two names
// (Levenshtein's distance).
func countChanges(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
