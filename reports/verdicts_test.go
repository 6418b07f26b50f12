package reports

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// repeated is the small comparison with REPEAT=3, each repeat with other values.
func repeated() *harness.Comparison {
	c := small()
	runs := c.Runs
	c.Runs = nil
	for i := range c.Cells {
		c.Cells[i].Runs = nil
		for n := range 3 {
			r := runs[i]
			r.Repeat, r.Seed = n+1, r.Seed+uint64(n)
			r.Completed *= 1 + 0.01*float64(n)
			if r.Counts.Lost > 0 {
				r.Verdicts = append([]harness.Verdict(nil), r.Verdicts...)
				r.Verdicts[0].Count -= int64(14 * n)
				r.Counts.Lost -= int64(14 * n)
			}
			c.Cells[i].Runs = append(c.Cells[i].Runs, len(c.Runs))
			c.Runs = append(c.Runs, r)
		}
	}
	c.Planned = len(c.Runs)
	return c
}

func outcomeOf(c *harness.Comparison, scenario, consumer string) outcome {
	v := newView(c)
	return v.outcomeOf(v.cellOf(scenario, consumer))
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		scenario, consumer string
		change             func(*harness.Cell, *harness.Run)
		want               outcome
	}{
		"a pass":                               {"steady", "keyed@cooperative", nil, outcome{Status: harness.Pass, Word: "pass", Expected: true}},
		"a redelivery":                         {"pod-crash", "keyed@cooperative", nil, outcome{Status: harness.Pass, Word: "pass", Counts: []string{"redelivered 41"}, Expected: true}},
		"no order, so inversions mean nothing": {"hot-key", "naive@cooperative", nil, outcome{Status: harness.Pass, Word: "pass", Expected: true}},
		"a control": {"pod-crash", "naive@cooperative", nil,
			outcome{Status: harness.Fail, Word: "fail", Counts: []string{"lost 312", "premature commit 344"}, Note: "expected to fail", Expected: true}},
		"a control that passes": {"pod-crash", "naive@cooperative", func(c *harness.Cell, r *harness.Run) {
			c.Status, c.Expected, r.Status, r.Expected, r.Verdicts, r.Counts.Lost, r.Counts.Redelivered = harness.Pass, false, harness.Pass, false, nil, 0, 0
		}, outcome{Status: harness.Pass, Word: "pass", Note: "expected to fail by loss"}},
		"a control elsewhere": {"steady", "naive@cooperative", func(c *harness.Cell, r *harness.Run) {
			c.Status, r.Status, r.Verdicts[0].Status, r.Verdicts[0].Count = harness.Fail, harness.Fail, harness.Fail, 2
		}, outcome{Status: harness.Fail, Word: "fail", Counts: []string{"lost 2"}, Note: "control: not judged", Expected: true}},
		"an overload": {"workers", "serial@cooperative", nil,
			outcome{Status: harness.Overload, Word: oracle.CheckOverload, Counts: []string{"unfinished 207"}, Note: "allowed here", Expected: true}},
		"inconclusive": {"steady", "keyed@cooperative", func(c *harness.Cell, r *harness.Run) {
			c.Status, c.Expected, r.Status, r.Reasons = harness.Inconclusive, false, harness.Inconclusive, []string{"pod starved", "more"}
		}, outcome{Status: harness.Inconclusive, Word: "inconclusive", Note: "pod starved"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := small()
			if c.change != nil {
				cell := newView(f).cellOf(c.scenario, c.consumer)
				c.change(cell, &f.Runs[cell.Runs[0]])
			}
			if got := outcomeOf(f, c.scenario, c.consumer); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// A consumer that claims nothing is judged by little, and each report says so.
func TestNothingClaimedIsSaidInEachReport(t *testing.T) {
	c := small()
	c.Consumers[2].Delivery, c.Consumers[2].Order = "", ""
	cell := newView(c).cellOf("steady", "keyed@cooperative")
	c.Runs[cell.Runs[0]].Counts.Lost = 3
	want := outcome{Status: harness.Pass, Word: "pass", Counts: []string{"lost 3"}, Note: harness.NothingClaimed, Expected: true}
	if got := outcomeOf(c, "steady", "keyed@cooperative"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var text, page, markdown bytes.Buffer
	snapshot := &Snapshot{}
	snapshot.ReplaceRuns(c)
	if err := errors.Join(RenderText(&text, c), renderHTML(&page, c), snapshot.Markdown(&markdown, nil)); err != nil {
		t.Fatal(err)
	}
	for name, report := range map[string]string{"text": text.String(), "page": page.String(), "Markdown": markdown.String()} {
		report = strings.Join(strings.Fields(report), " ")
		if !strings.Contains(report, harness.NothingClaimed) {
			t.Errorf("the %s does not say %q", name, harness.NothingClaimed)
		}
	}
	cell.Status, cell.Expected = harness.Overload, false
	if got := newView(c).noteOf(cell); got != "not allowed here; "+harness.NothingClaimed {
		t.Errorf("the note of an overload is %q", got)
	}
	cell.Status = harness.NotMade
	if got := newView(c).noteOf(cell); strings.Contains(got, harness.NothingClaimed) {
		t.Errorf("the note of a run that was not made is %q", got)
	}
}

// A warning keeps a run's pass, and each report has its evidence and says what it is.
func TestWarningIsShownInEachReport(t *testing.T) {
	c := small()
	c.Consumers[2].Redelivery = harness.RedeliveryAny
	cell := newView(c).cellOf("steady", "keyed@cooperative")
	c.Runs[cell.Runs[0]].Verdicts[1] = harness.Verdict{
		Check: oracle.CheckUnexplainedDuplicate, Status: harness.Warning, Count: 3, Detail: "they took 30ms of work",
		Examples: []harness.Anomaly{{Text: "completed again at 5s"}},
	}
	want := outcome{Status: harness.Pass, Word: "pass", Counts: []string{"warning: unexplained duplicate 3"}, Expected: true}
	if got := outcomeOf(c, "steady", "keyed@cooperative"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var text, page, markdown bytes.Buffer
	snapshot := &Snapshot{}
	snapshot.ReplaceRuns(c)
	if err := errors.Join(RenderText(&text, c), renderHTML(&page, c), snapshot.Markdown(&markdown, nil)); err != nil {
		t.Fatal(err)
	}
	for _, said := range []struct{ name, report, want string }{
		{"text", text.String(), warningRemark}, {"text", text.String(), "completed again at 5s"}, {"text", text.String(), "they took 30ms of work"},
		{"page", page.String(), warningRemark}, {"page", page.String(), "completed again at 5s"}, {"page", page.String(), "they took 30ms of work"},
		{"page", page.String(), "at-least-once with any repeats"}, {"Markdown", markdown.String(), "as claimed, warning: unexplained duplicate 3"},
	} {
		if !strings.Contains(strings.Join(strings.Fields(said.report), " "), said.want) {
			t.Errorf("the %s does not say %q", said.name, said.want)
		}
	}
}

// A cell whose repeats ended in different ways names each way that is no pass.
func TestCellNamesEachOutcomeThatIsNoPass(t *testing.T) {
	runs := func(list ...harness.Status) (runs []*harness.Run) {
		for _, s := range list {
			runs = append(runs, &harness.Run{Status: s})
		}
		return runs
	}
	for _, tt := range []struct {
		runs []*harness.Run
		want string
	}{
		{runs(harness.Fail), ""},
		{runs(harness.Fail, harness.Pass), " 1 of 2"},
		{runs(harness.Inconclusive, harness.Fail, harness.Inconclusive), " 1 of 3, inconclusive 2"},
	} {
		if got := countStatuses(tt.runs, harness.Fail); got != tt.want {
			t.Errorf("%d runs: %q, want %q", len(tt.runs), got, tt.want)
		}
	}
}

// The loss of a record and the commit that lost it are one story. Those of two records are two.
func TestLossAndItsCommitAreOneStory(t *testing.T) {
	at := func(check string, offset int64) anomaly {
		return anomaly{Check: check, Tally: check + " 3", Anomaly: &harness.Anomaly{RecordPlace: &harness.RecordPlace{Key: 1, Seq: 2, Offset: offset}}}
	}
	one := joinLossStory([]anomaly{at(oracle.CheckLoss, 7), at(oracle.CheckPrematureCommit, 7), at(oracle.CheckStall, 8)})
	if len(one) != 2 || one[0].Tally != "loss 3, premature commit 3" || one[1].Check != oracle.CheckStall {
		t.Errorf("one record: %+v", one)
	}
	if two := joinLossStory([]anomaly{at(oracle.CheckLoss, 7), at(oracle.CheckPrematureCommit, 9)}); len(two) != 2 {
		t.Errorf("two records: %+v", two)
	}
}

func TestRepeats(t *testing.T) {
	c := repeated()
	if got := outcomeOf(c, "pod-crash", "naive@cooperative"); got.Word != "fail 3 of 3" || strings.Join(got.Counts, ", ") != "lost 284..312, premature commit 344" {
		t.Errorf("the control is %+v", got)
	}
	v := newView(c)
	cell := v.cellOf("workers", "keyed@cooperative")
	if got := columns[0].valueOf(v, cell); got.Value != "4,002" || got.Range != "3,962..4,041" {
		t.Errorf("completed is %+v", got)
	}
	c.Runs[cell.Runs[0]].Status = harness.Inconclusive
	if got := columns[0].valueOf(v, cell); got.Value != "4,021" || got.Range != "4,002..4,041" {
		t.Errorf("completed without the first repeat is %+v", got)
	}
	if r := v.drawnRun(cell); r.Repeat != 2 {
		t.Errorf("drawn is repeat %d, want the first with a verdict", r.Repeat)
	}
	c.Runs[cell.Runs[1]].Status = harness.Fail
	if r := v.drawnRun(cell); r.Repeat != 3 {
		t.Errorf("drawn is repeat %d, want the first that passed", r.Repeat)
	}
	if runs, lost, where := v.lossesOf("naive@cooperative"); runs != 15 || lost != "894" || where != "pod-crash" {
		t.Errorf("naive lost %s on %s in %d runs", lost, where, runs)
	}
}

func TestHeadlines(t *testing.T) {
	lose := func(r *harness.Run, n int64) { r.Counts.Lost = n }
	onlyControl := func(c *harness.Comparison) {
		c.Consumers = c.Consumers[1:2]
		c.Cells = slices.DeleteFunc(c.Cells, func(x harness.Cell) bool { return x.Consumer != "naive@cooperative" })
	}
	for want, change := range map[string]func(*harness.Comparison){
		"serial and keyed kept every appended record":                                                func(*harness.Comparison) {},
		"1 of 2 consumers kept every appended record; serial lost 5 on steady":                       func(c *harness.Comparison) { lose(&c.Runs[0], 5) },
		"naive lost 312 on pod-crash":                                                                onlyControl,
		"No consumer kept every appended record: serial lost 5 on steady and keyed lost 2 on steady": func(c *harness.Comparison) { lose(&c.Runs[0], 5); lose(&c.Runs[2], 2) },
		"All 3 consumers kept every appended record": func(c *harness.Comparison) {
			c.Consumers[1].MustFail = nil
			lose(&c.Runs[10], 0)
		},
		"2 of 3 consumers kept every appended record; naive lost 313 on steady and pod-crash": func(c *harness.Comparison) {
			c.Consumers[1].MustFail = nil
			lose(&c.Runs[1], 1)
		},
		"No run came to a verdict": func(c *harness.Comparison) {
			for i := range c.Runs {
				c.Runs[i].Status = harness.Inconclusive
			}
		},
	} {
		c := small()
		change(c)
		if got := newView(c).headlineText(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestConfidenceCountsInjections(t *testing.T) {
	c := repeated()
	var crash, faults, undisturbed string
	for _, a := range newView(c).confidences() {
		switch {
		case a.Consumer == "naive@cooperative":
			t.Errorf("a control proves nothing: %+v", a)
		case a.Consumer != "keyed@cooperative":
		case a.Scenarios == "broker-kill, pod-crash (each)":
			crash = a.AtMost()
		case a.Scenarios == "broker-kill, pod-crash":
			faults = a.AtMost()
		case a.Scenarios == "steady, hot-key, workers":
			undisturbed = a.AtMost()
		}
	}
	// 1-0.05^(1/3), 1-0.05^(1/6), and about 3 in the 9,000 records.
	if crash != "63.2 % of injections" || faults != "39.3 % of injections" || undisturbed != "3.3e-04 of records" {
		t.Errorf("bounds are %q, %q, %q", crash, faults, undisturbed)
	}
}

func TestEqualWarningsOfRepeatsAreOne(t *testing.T) {
	c := repeated()
	cell := newView(c).cellOf("hot-key", "keyed@cooperative")
	for n, i := range cell.Runs {
		r := &c.Runs[i]
		r.Status, r.Reasons, r.Retried = harness.Inconclusive, []string{"load delivered: p99 312 ms"}, "pod starved"
		r.Assumptions = []harness.Assumption{{Name: "load delivered", Detail: "p99 312 ms"}}
		if n == 2 {
			r.Assumptions = append(r.Assumptions, harness.Assumption{Name: "observers kept up", Detail: "a gap of 3 s"})
		}
	}
	var got []string
	for _, p := range newView(c).warnings() {
		got = append(got, p.Repeats()+": "+p.What+": "+p.Detail)
	}
	want := []string{"1 2 3: inconclusive: load delivered: p99 312 ms", "1 2 3: second attempt: the first was inconclusive: pod starved", "3: broken assumption: observers kept up: a gap of 3 s"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{formatDuration(0), "0 s"}, {formatDuration(0.00085), "850 µs"}, {formatDuration(0.0009999), "1.00 ms"}, {formatDuration(0.0452), "45.2 ms"},
		{formatDuration(0.99949), "999 ms"}, {formatDuration(0.9997), "1.00 s"}, {formatDuration(99.96), "100 s"}, {formatDuration(192), "3 min 12 s"},
		{formatDuration(7500), "2 h 5 min"}, {formatDuration(seconds(harness.Never)), "never"}, {formatSpan(8), "8 s"}, {formatSpan(0.5), "500 ms"},
		{formatCount(0), "0"}, {formatCount(-1234), "-1,234"}, {formatCount(999), "999"}, {formatCount(1234567), "1,234,567"}, {formatCount(-0.2), "0"},
		{formatRate(39.96), "40.0"}, {formatRate(3962.4), "3,962"}, {formatShort(1500), "1.5k"}, {formatShort(2e6), "2M"}, {formatShort(0.5), "0.5"},
		{formatMiB(23 << 20), "23"}, {formatMillis(0.0452), "45.2"}, {formatMillis(12.5), "12,500"}, {formatSeconds(seconds(harness.Never)), "never"}, {formatPercent(0.9946), "99.5 %"}, {formatPercent(0), "0.00 %"}, {formatNines(99.9), "99.9 %"},
		{joinWords([]string{"a", "b", "c"}), "a, b and c"}, {plural(1, "run"), "1 run"}, {plural(1200, "run"), "1,200 runs"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestPercentileAfterTheCurveIsMissing(t *testing.T) {
	c := small()
	v := newView(c)
	cell := v.cellOf("steady", "keyed@cooperative")
	cell.Curves = []harness.Curve{{Phase: everyRecord, Points: []harness.CurvePoint{
		{Quantile: 0.5, Latency: time.Millisecond}, {Quantile: 0.98, Latency: 3 * time.Millisecond},
	}}}
	run := &c.Runs[cell.Runs[0]]
	run.Phases = []harness.Phase{{Name: "warm-up"}, {Name: "steady"}, {Name: "recovery"}}
	for i, d := range []time.Duration{9, 5, 7} {
		run.Phases[i].EndToEnd.Max = d * time.Millisecond
	}
	for title, want := range map[string]cellValue{
		"p50": {Value: "1.00"}, "p90": {Value: "3.00"}, "p99": {Value: missing, Why: "too few records"}, "max": {Value: "7.00"},
	} {
		if got := columnTitled(title).valueOf(v, cell); got != want {
			t.Errorf("%s is %+v, want %+v", title, got, want)
		}
	}
}

func TestOfBoundOnlyWhereTheLoadReachesTheBound(t *testing.T) {
	c := small()
	c.Runs[3].Load.Flood = true // serial on hot-key
	v := newView(c)
	for _, k := range []struct{ scenario, consumer, want string }{
		{"steady", "keyed@cooperative", missing},
		{"hot-key", "serial@cooperative", "60.0"},
		{"workers", "serial@cooperative", "3.97"},
		{"workers", "keyed@cooperative", "99.4"},
	} {
		if got := columnTitled("of bound").valueOf(v, v.cellOf(k.scenario, k.consumer)); got.Value != k.want {
			t.Errorf("%s on %s is %q of its bound, want %q", k.consumer, k.scenario, got.Value, k.want)
		}
	}
}

func TestColumnsWithoutAnyValueAreLeftOut(t *testing.T) {
	c := small()
	heads := func() (s string) {
		for _, k := range newView(c).usedColumns(columns) {
			s += k.Title + " "
		}
		return s
	}
	if got := heads(); strings.Contains(got, "CPU") || !strings.Contains(got, "recovery") || !strings.Contains(got, "p99") {
		t.Errorf("columns are %s", got)
	}
	c.Runs[0].Pods = []harness.PodReport{{CPU: time.Second, MaxRSS: 1 << 20}}
	if got := heads(); !strings.Contains(got, "CPU memory") {
		t.Errorf("columns are %s", got)
	}
}

func TestRecoveryThatNeverCameSortsLast(t *testing.T) {
	runs := make([]*harness.Run, 3)
	for i, d := range []time.Duration{harness.Never, 2 * time.Second, 4 * time.Second} {
		runs[i] = &harness.Run{Faults: []harness.FaultReport{{Steady: true, BacklogBack: d}}}
	}
	s := spreadOf(runs, slowestRecovery.Of)
	if s.median != 4 || !math.IsInf(s.max, 1) {
		t.Errorf("spread is %+v", s)
	}
	if f := s.inWords(formatSeconds, ""); f.Value != "4.00" || f.Range != "2.00..never" {
		t.Errorf("value is %+v", f)
	}
}
