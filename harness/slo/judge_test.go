package slo_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/metric"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/slo"
)

// judged is a run of 20 s with a fault, whose backlog is constant.
func judged() *harness.Run {
	r := &harness.Run{
		Completed: 900, Bound: 1000, LoadEnd: 20 * time.Second, Emptied: 22 * time.Second, Status: harness.Pass,
		Counts:   harness.Counts{Completed: 1000, Redelivered: 7},
		Load:     harness.LoadReport{Offered: 1000, Partitions: []float64{0.5, 0.5}},
		EndToEnd: harness.Quantiles{N: 20_000, P50: 10 * time.Millisecond, P90: 20 * time.Millisecond, P99: 812 * time.Millisecond, P999: time.Second, Max: 2 * time.Second},
		Phases: []harness.Phase{
			{Name: "warm-up", To: time.Second, EndToEnd: harness.Quantiles{N: 500, Max: time.Minute}},
			{Name: "steady", From: time.Second, To: 10 * time.Second, EndToEnd: harness.Quantiles{N: 500, P50: 5 * time.Millisecond, P99: 50 * time.Millisecond, P999: time.Second, Max: time.Second}},
		},
		Faults: []harness.FaultReport{
			{Name: "kill broker", Steady: true, BacklogBack: 12 * time.Second},
			{Name: "kill pod", Steady: true, BacklogBack: harness.Never},
		},
		Pods:     []harness.PodReport{{Name: "pod-1", CPU: time.Second, MaxRSS: 60 << 20}, {Name: "pod-2", MaxRSS: 70 << 20}},
		Verdicts: []harness.Verdict{{Check: oracle.CheckStarvation, Status: harness.Pass}, {Check: oracle.CheckBlastRadius, Status: harness.Fail, Count: 3}},
	}
	r.Series = harness.Series{Step: time.Second, PartitionBacklog: make([][]int64, 2)}
	for i := range 22 {
		r.Series.Offered = append(r.Series.Offered, 1000)
		r.Series.Backlog = append(r.Series.Backlog, 10)
		r.Series.Age = append(r.Series.Age, time.Duration(22-i)*time.Second)
		for p := range r.Series.PartitionBacklog {
			r.Series.PartitionBacklog[p] = append(r.Series.PartitionBacklog[p], 5)
		}
	}
	return r
}

func TestRunIsJudgedByItsObjectives(t *testing.T) {
	for text, want := range map[string]struct {
		verdict slo.Verdict
		why     string
	}{
		"p99<1s":                    {slo.Met, ""},
		"p99<812ms":                 {slo.Missed, "812 ms"},
		"p99<=812ms":                {slo.Met, ""},
		"p99>1s":                    {slo.Missed, "812 ms"},
		"p99@steady<100ms":          {slo.Met, ""},
		"p99.9@steady<10s":          {slo.Missing, "500 records are too few for p99.9"},
		"max@steady<=1s":            {slo.Met, ""},
		"p99@recovery<1s":           {slo.Missing, "the run had no phase recovery"},
		"p95<1s":                    {slo.Missing, "no such latency"},
		"trend<1%":                  {slo.Met, ""},
		"age<20s":                   {slo.Missed, "21 s"},
		"age<=21s":                  {slo.Met, ""},
		"drain<=2s":                 {slo.Met, ""},
		"drain<2s":                  {slo.Missed, "2 s"},
		"recovery(kill broker)<30s": {slo.Met, ""},
		"recovery(kill pod)<30s":    {slo.Missed, "never"},
		"recovery<30s":              {slo.Missed, "never"},
		"recovery(pause pod)<30s":   {slo.Missing, "the run had no fault pause pod"},
		"rss-max<64MiB":             {slo.Missed, "70 MiB on pod-2"},
		"cpu/1000records<=1s":       {slo.Met, ""},
		"of-bound>=90%":             {slo.Met, ""},
		"of-bound>=95%":             {slo.Missed, "90 %"},
		"redelivered<=7":            {slo.Met, ""},
		"lost<=0, unexplained-duplicates<=0, inversions<=0": {slo.Met, ""},
		"starvation<2s":    {slo.Met, ""},
		"others-p99<500ms": {slo.Missed, "blast radius: 3"},
	} {
		results := mustParse(t, text).Judge(slo.Sample{Run: judged(), Commit: time.Second})
		got := results[0]
		if got.Verdict != want.verdict || !strings.Contains(got.Why, want.why) || (want.verdict == slo.Met) != (got.Why == "") {
			t.Errorf("%s is %s (%q), want %s (%q)", text, got.Verdict, got.Why, want.verdict, want.why)
		}
		if slo.AllMet(results) != (want.verdict == slo.Met) {
			t.Errorf("%s: all met is %v", text, slo.AllMet(results))
		}
	}
}

// A run without a value never meets an objective, in either direction: a missing value is
// not 0.
func TestMissingSampleIsNeverMet(t *testing.T) {
	units := map[metric.Unit][2]string{metric.Seconds: {"<1h", ">=0s"}, metric.Share: {"<100%", ">=0%"}, metric.Bytes: {"<1GiB", ">=0B"}}
	for _, m := range append(metric.All(), metric.Percentiles()...) {
		for i, limit := range units[m.Unit] { // all but counts, which are never missing
			if limit == "" || m.Check != "" && i > 0 {
				continue
			}
			got := mustParse(t, m.Name+limit).Judge(slo.Sample{Run: &harness.Run{}, Commit: time.Second})[0]
			if got.Verdict != slo.Missing || got.Why == "" || !math.IsNaN(got.Value) || got.Measured() != "-" {
				t.Errorf("%s%s of an empty run is %+v", m.Name, limit, got)
			}
		}
	}
}

func TestAnyPercentileIsTakenFromTheHistogram(t *testing.T) {
	var asked []any
	s := slo.Sample{Run: judged(), Latency: func(phase string, q float64) (time.Duration, int64) {
		asked = append(asked, phase, q)
		return 700 * time.Millisecond, 150
	}}
	results := mustParse(t, "p95<750ms, p95@steady<500ms, p99.5<1s").Judge(s)
	if results[0].Verdict != slo.Met || results[1].Verdict != slo.Missed || results[2].Verdict != slo.Missing {
		t.Errorf("results are %+v", results)
	}
	if asked[0] != "all" || asked[1] != 0.95 || asked[2] != "steady" {
		t.Errorf("asked for %v", asked)
	}
}

// The backlog of the second partition grows by 2 % of its offered rate, with noise.
func TestTrendIsDecidedByItsBounds(t *testing.T) {
	r := judged()
	for i := range r.Series.Backlog {
		noise := int64(i * 7919 % 23)
		r.Series.PartitionBacklog[1][i] += int64(10*i) + noise
		r.Series.Backlog[i] += int64(10*i) + noise
	}
	for limit, want := range map[string]slo.Verdict{"1%": slo.Missed, "2%": slo.Undecided, "4%": slo.Met} {
		got := mustParse(t, "trend<"+limit).Judge(slo.Sample{Run: r, Commit: time.Second})[0]
		if got.Verdict != want || got.Value < 0.015 || got.Value > 0.025 || want != slo.Met && !strings.Contains(got.Why, "partition 1") {
			t.Errorf("trend<%s is %+v, want %s", limit, got, want)
		}
	}
	short := mustParse(t, "trend<1%").Judge(slo.Sample{Run: r, Commit: 5 * time.Second})[0]
	if short.Verdict != slo.Undecided || !strings.Contains(short.Why, "too short for a trend: at least 1m0s") {
		t.Errorf("a short load is %+v", short)
	}
}

func TestWhatARunOfTheKindCannotHaveIsInapplicable(t *testing.T) {
	r := judged()
	r.Load.Flood, r.Faults, r.Pods = true, nil, []harness.PodReport{{Name: "pod-1"}}
	for text, want := range map[string]bool{"p99<1s": true, "recovery<1s": true, "recovery(kill pod)<1s": true, "rss-max<1MiB": true, "trend<1%": true} {
		if got := mustParse(t, text).Judge(slo.Sample{Run: r})[0]; got.Verdict != slo.Missing || got.Inapplicable != want {
			t.Errorf("%s is %+v", text, got)
		}
	}
	if got := mustParse(t, "p99@recovery<1s").Judge(slo.Sample{Run: judged()})[0]; !got.Inapplicable {
		t.Errorf("a phase that did not occur is %+v", got)
	}
	idle := judged()
	idle.Load.Offered = 10
	if got := mustParse(t, "of-bound>=90%").Judge(slo.Sample{Run: idle})[0]; got.Verdict != slo.Missing || got.Inapplicable || got.Why != "the load does not reach the bound" {
		t.Errorf("the share of a bound that the load does not reach is %+v", got)
	}
	if got := mustParse(t, "p95<1s").Judge(slo.Sample{Run: judged()})[0]; got.Verdict != slo.Missing || got.Inapplicable {
		t.Errorf("a percentile that only a histogram has is %+v", got)
	}
}

// A result has no number where JSON has none, and the words in any case.
func TestResultsAreReported(t *testing.T) {
	all := slo.Report(mustParse(t, "p99<1s, recovery<30s, p95<1s, trend<1%, others-p99<1s").Judge(slo.Sample{Run: judged(), Commit: time.Second}))
	var got []string
	for _, r := range all {
		value := "no number"
		if r.Value != nil {
			value = "a number"
		}
		got = append(got, fmt.Sprintf("%s: %s, %s, %s, %s%s", r.Objective, r.Verdict, r.Measured, value, r.Check, r.Why))
	}
	want := []string{
		"p99<1s: met, 812 ms, a number, ", "recovery<30s: missed, never, no number, never", "p95<1s: missing, -, no number, the run has no such latency",
		"trend<1%: met, 0 %, a number, ", "others-p99<1s: missed, -, no number, blast radiusblast radius: 3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("reported\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
