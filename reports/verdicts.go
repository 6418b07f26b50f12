package reports

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// outcome is a cell of the verdict matrix, in words.
type outcome struct {
	Status   harness.Status
	Word     string   // Word is the status, with how many of the repeats had it where they differ.
	Counts   []string // Counts of what went wrong, or of what happened though no claim forbids it.
	Note     string   // Note says what is special: a control, an overload that was allowed.
	Expected bool
}

// outcome says how a consumer came out in a scenario.
func (v *view) outcome(c *harness.Cell) outcome {
	o := outcome{Status: c.Status, Word: string(c.Status), Expected: c.Expected}
	runs := v.runs(c)
	alike := 0
	for _, r := range runs {
		if r.Status == c.Status {
			alike++
		}
	}
	if len(runs) > 1 {
		o.Word += " " + count(float64(alike)) + " of " + count(float64(len(runs)))
	}
	o.Counts = v.counts(c)
	o.Note = v.note(c)
	return o
}

// counts are "lost 312" for each check that failed; else what happened though
// it breaks no claim of this consumer.
func (v *view) counts(c *harness.Cell) []string {
	var words []string
	for _, check := range v.failed(c) {
		words = append(words, tally(v.runs(c), check))
	}
	if len(words) > 0 {
		return words
	}
	for _, f := range []struct {
		word string
		of   func(harness.Counts) int64
	}{
		{"redone", func(n harness.Counts) int64 { return n.Redelivered }},
		{"inversions", func(n harness.Counts) int64 { return n.Inversions }},
		{"overlaps", func(n harness.Counts) int64 { return n.Overlaps }},
		{"unfinished", func(n harness.Counts) int64 { return n.Unfinished }},
	} {
		s := spreadOf(v.concluded(c), func(r *harness.Run) (float64, bool) { return float64(f.of(r.Counts)), true })
		if s.max > 0 {
			words = append(words, f.word+" "+extent(s))
		}
	}
	return words
}

// tally is a failed check with its anomalies over the runs that failed it.
func tally(runs []*harness.Run, check string) string {
	s := spreadOf(runs, func(r *harness.Run) (float64, bool) {
		f := verdictOf(r, check)
		return float64(verdictCount(f)), f != nil && f.Status == harness.Fail
	})
	if s.max == 0 {
		return check
	}
	if check == oracle.CheckLoss {
		check = "lost"
	}
	return check + " " + extent(s)
}

// extent is the range of a count, or the count where all agree.
func extent(s spread) string {
	if s.min == s.max {
		return count(s.min)
	}
	return count(s.min) + ".." + count(s.max)
}

func verdictCount(f *harness.Verdict) int64 {
	if f == nil {
		return 0
	}
	return f.Count
}

// verdictOf is the verdict of a check in a run, nil if it was not judged.
func verdictOf(r *harness.Run, check string) *harness.Verdict {
	for i := range r.Verdicts {
		if r.Verdicts[i].Check == check {
			return &r.Verdicts[i]
		}
	}
	return nil
}

// checks are the names of all checks of a cell's runs, in their order.
func (v *view) checks(c *harness.Cell) []string {
	var names []string
	for _, r := range v.runs(c) {
		for _, f := range r.Verdicts {
			if !slices.Contains(names, f.Check) {
				names = append(names, f.Check)
			}
		}
	}
	return names
}

// failed are the checks that some run of a cell failed.
func (v *view) failed(c *harness.Cell) []string {
	return slices.DeleteFunc(v.checks(c), func(check string) bool {
		return !slices.ContainsFunc(v.runs(c), func(r *harness.Run) bool {
			f := verdictOf(r, check)
			return f != nil && f.Status == harness.Fail
		})
	})
}

func (v *view) note(c *harness.Cell) string {
	must := v.mustFail(c.Scenario, c.Consumer)
	control := len(v.consumer(c.Consumer).MustFail) > 0
	switch {
	case len(must) > 0 && c.Status == harness.Fail && c.Expected:
		return "control: failed as it must"
	case len(must) > 0 && !c.Expected && concluded(c.Status):
		return "control: had to fail by " + list(must)
	case control && c.Status == harness.Fail && c.Expected:
		return "control: shown, not judged"
	case c.Status == harness.Overload && c.Expected:
		return "allowed here"
	case c.Status == harness.Overload:
		return "not allowed here"
	case c.Status == harness.Fail && len(v.failed(c)) > 0:
		return "" // the counts say it
	case c.Status != harness.Pass:
		return v.reason(c)
	}
	return ""
}

// reason is the first reason of the first run with the cell's status.
func (v *view) reason(c *harness.Cell) string {
	for _, r := range v.runs(c) {
		if r.Status == c.Status && len(r.Reasons) > 0 {
			return r.Reasons[0]
		}
	}
	return ""
}

// exhibit is the first anomaly of a kind in a cell.
type exhibit struct {
	Cell    *harness.Cell
	Check   string
	HeldTo  string
	Tally   string
	Control string // Control is the cell's note if the consumer is a control.
	Repeat  int    // Repeat of the run it is from; 0 if there is but one.
	Detail  string
	Ledger  string // Ledger is where that of the run is kept, "" if it is not; Command repeats the run.
	Command string
	Anomaly *harness.Anomaly // Anomaly is nil if the check kept none.
}

// exhibits are the first anomalies of each kind, cell by cell.
func (v *view) exhibits() []exhibit {
	var all []exhibit
	v.eachCell(func(_ *harness.ScenarioInfo, c *harness.Cell) {
		for _, check := range v.failed(c) {
			all = append(all, v.exhibit(c, check))
		}
	})
	return all
}

func (v *view) exhibit(c *harness.Cell, check string) exhibit {
	e := exhibit{Cell: c, Check: check, Tally: tally(v.runs(c), check)}
	if len(v.consumer(c.Consumer).MustFail) > 0 {
		e.Control = v.note(c)
	}
	for _, r := range v.runs(c) {
		f := verdictOf(r, check)
		if f == nil || f.Status != harness.Fail {
			continue
		}
		e.HeldTo, e.Detail = f.HeldTo, f.Detail
		e.Ledger, e.Command = r.Ledger, r.Command
		if len(c.Runs) > 1 {
			e.Repeat = r.Repeat
		}
		if len(f.Examples) > 0 {
			e.Anomaly = &f.Examples[0]
		}
		break
	}
	return e
}
