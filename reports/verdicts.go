package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// outcome is a cell of the verdict matrix, in words.
type outcome struct {
	Status   harness.Status
	Word     string   // Word is the status; with repeats also how many of them had it.
	Counts   []string // Counts are what went wrong, or what happened although no claim forbids it.
	Note     string   // Note says what is special: an expected failure, an overload that is allowed.
	Expected bool
}

// outcomeOf is the result of a consumer in a scenario.
func (v *view) outcomeOf(c *harness.Cell) outcome {
	o := outcome{Status: c.Status, Word: string(c.Status), Expected: c.Expected}
	o.Word += countStatuses(v.runsOf(c), c.Status)
	o.Counts = v.countWords(c)
	o.Note = v.noteOf(c)
	return o
}

// countStatuses says how many repeats had the status of the cell, and how many had another
// status than that or a pass. It is empty for one run.
func countStatuses(runs []*harness.Run, of harness.Status) string {
	if len(runs) < 2 {
		return ""
	}
	count := map[harness.Status]int{}
	for _, r := range runs {
		count[r.Status]++
	}
	words := fmt.Sprintf(" %s of %s", formatCount(float64(count[of])), formatCount(float64(len(runs))))
	for _, other := range []harness.Status{harness.Fail, harness.Overload, harness.Inconclusive, harness.NotMade} {
		if other != of && count[other] > 0 {
			words += fmt.Sprintf(", %s %s", other, formatCount(float64(count[other])))
		}
	}
	return words
}

// countWords are "lost 312" for each check that failed, else what happened
// although it breaks no claim of this consumer.
func (v *view) countWords(c *harness.Cell) []string {
	var words []string
	for _, check := range v.failedChecks(c) {
		words = append(words, tallyOf(v.runsOf(c), check, harness.Fail))
	}
	if len(words) > 0 {
		return words
	}
	for _, check := range v.warnedChecks(c) {
		words = append(words, warningWord+": "+tallyOf(v.runsOf(c), check, harness.Warning))
	}
	ordered := v.consumerInfo(c.Consumer).Order != harness.OrderNone // else inversions and overlaps mean nothing
	for _, f := range []struct {
		word  string
		means bool
		of    func(harness.Counts) int64
	}{
		{"lost", true, func(n harness.Counts) int64 { return n.Lost }},
		{"redelivered", true, func(n harness.Counts) int64 { return n.Redelivered }},
		{"inversions", ordered, func(n harness.Counts) int64 { return n.Inversions }},
		{"overlaps", ordered, func(n harness.Counts) int64 { return n.Overlaps }},
		{"unfinished", true, func(n harness.Counts) int64 { return n.Unfinished }},
	} {
		if !f.means {
			continue
		}
		s := spreadOf(v.concludedRuns(c), func(r *harness.Run) (float64, bool) { return float64(f.of(r.Counts)), true })
		if s.max > 0 {
			words = append(words, f.word+" "+countRange(s))
		}
	}
	return words
}

// warningWord marks what a check found although the consumer allows itself that.
const warningWord = string(harness.Warning)

// warningRemark says why a finding is a warning.
const warningRemark = "a warning: the consumer claims at-least-once with any repeats"

// tallyOf is a check with the number of anomalies in the runs in which it had a status.
func tallyOf(runs []*harness.Run, check string, status harness.Status) string {
	s := spreadOf(runs, func(r *harness.Run) (float64, bool) {
		f := verdictOf(r, check)
		return float64(verdictCount(f)), f != nil && f.Status == status
	})
	if s.max == 0 {
		return check
	}
	if check == oracle.CheckLoss {
		check = "lost"
	}
	return check + " " + countRange(s)
}

// countRange is the range of a count, or the count if all repeats agree.
func countRange(s spread) string {
	if s.min == s.max {
		return formatCount(s.min)
	}
	return formatCount(s.min) + ".." + formatCount(s.max)
}

func verdictCount(f *harness.Verdict) int64 {
	if f == nil {
		return 0
	}
	return f.Count
}

// verdictOf is the verdict of a check in a run, nil if the run does not have it.
func verdictOf(r *harness.Run, check string) *harness.Verdict {
	for i := range r.Verdicts {
		if r.Verdicts[i].Check == check {
			return &r.Verdicts[i]
		}
	}
	return nil
}

// checkNames are the names of all checks of a cell's runs, in their order.
func (v *view) checkNames(c *harness.Cell) []string {
	var names []string
	for _, r := range v.runsOf(c) {
		for _, f := range r.Verdicts {
			if !slices.Contains(names, f.Check) {
				names = append(names, f.Check)
			}
		}
	}
	return names
}

// failedChecks are the checks that some run of a cell failed.
func (v *view) failedChecks(c *harness.Cell) []string { return v.checksWith(c, harness.Fail) }

// warnedChecks are the checks that found what the consumer allows itself.
func (v *view) warnedChecks(c *harness.Cell) []string { return v.checksWith(c, harness.Warning) }

// checksWith are the checks that have a status in some run of a cell.
func (v *view) checksWith(c *harness.Cell, status harness.Status) []string {
	return slices.DeleteFunc(v.checkNames(c), func(check string) bool {
		return !slices.ContainsFunc(v.runsOf(c), func(r *harness.Run) bool {
			f := verdictOf(r, check)
			return f != nil && f.Status == status
		})
	})
}

// noteOf says what is special about a cell.
func (v *view) noteOf(c *harness.Cell) string {
	note := v.expectationNote(c)
	add := func(more string) {
		if note != "" {
			note += "; "
		}
		note += more
	}
	if v.claimsNothing(c) && hasVerdict(c.Status) {
		add(harness.NothingClaimed)
	}
	if c.Saturated {
		add("latencies" + saturatedMark + " are of the machine, which had no room")
	}
	return note
}

func (v *view) claimsNothing(c *harness.Cell) bool {
	return slices.ContainsFunc(v.Consumers, func(i harness.ConsumerInfo) bool { return i.Name == c.Consumer && i.ClaimsNothing() })
}

// notJudgedNote is the note of a control that failed where it need not.
const notJudgedNote = "control: not judged"

// expectationNote compares a cell with what was expected of it.
func (v *view) expectationNote(c *harness.Cell) string {
	must := v.expectedFailures(c.Scenario, c.Consumer)
	control := isControl(v.consumerInfo(c.Consumer))
	switch {
	case len(must) > 0 && c.Status == harness.Fail && c.Expected:
		return "expected to fail"
	case len(must) > 0 && !c.Expected && hasVerdict(c.Status):
		return "expected to fail by " + joinWords(must)
	case control && c.Status == harness.Fail && c.Expected:
		return notJudgedNote
	case c.Status == harness.Overload && c.Expected:
		return "allowed here"
	case c.Status == harness.Overload:
		return "not allowed here"
	case c.Status == harness.Fail && len(v.failedChecks(c)) > 0:
		return "" // the counts say it
	case c.Status != harness.Pass:
		return v.firstReason(c)
	}
	return ""
}

// firstReason is the first reason of the first run with the cell's status.
func (v *view) firstReason(c *harness.Cell) string {
	for _, r := range v.runsOf(c) {
		if r.Status == c.Status && len(r.Reasons) > 0 {
			return r.Reasons[0]
		}
	}
	return ""
}

// anomaly is the first anomaly that a check found in a cell.
type anomaly struct {
	Cell    *harness.Cell
	Check   string
	HeldTo  string
	Tally   string
	Warning bool   // Warning: the consumer allows itself that.
	Control bool   // Control: the consumer has a known flaw.
	Note    string // Note is the cell's note if the consumer is a control.
	Repeat  int    // Repeat is the repeat that had it; 0 if there is only one.
	Detail  string
	Ledger  string           // Ledger is the folder of the run's ledger, "" if it was not kept.
	Command string           // Command repeats the run.
	Anomaly *harness.Anomaly // Anomaly is nil if the check kept no example.
}

// firstAnomalies are the first anomalies of each kind, cell by cell. Those of
// controls come last, and only from the scenarios in which they must fail. Warnings come
// after failures.
func (v *view) firstAnomalies() []anomaly {
	var all []anomaly
	v.eachCell(func(_ *harness.ScenarioInfo, c *harness.Cell) {
		if isControl(v.consumerInfo(c.Consumer)) && len(v.expectedFailures(c.Scenario, c.Consumer)) == 0 {
			return
		}
		all = append(all, joinLossStory(v.failedAnomalies(c))...)
		for _, check := range v.warnedChecks(c) {
			all = append(all, v.firstAnomaly(c, check, harness.Warning))
		}
	})
	slices.SortStableFunc(all, func(a, b anomaly) int {
		return cmp.Or(orderLast(a.Control)-orderLast(b.Control), orderLast(a.Warning)-orderLast(b.Warning))
	})
	return all
}

// failedAnomalies are the first anomalies of the checks that a cell failed.
func (v *view) failedAnomalies(c *harness.Cell) (list []anomaly) {
	for _, check := range v.failedChecks(c) {
		list = append(list, v.firstAnomaly(c, check, harness.Fail))
	}
	return list
}

// joinLossStory leaves out the premature commit of a record whose loss is told already: the
// loss names that commit. The tally of the loss has its count then.
func joinLossStory(list []anomaly) []anomaly {
	index := func(check string) int {
		return slices.IndexFunc(list, func(a anomaly) bool { return a.Check == check })
	}
	loss, commit := index(oracle.CheckLoss), index(oracle.CheckPrematureCommit)
	if loss < 0 || commit < 0 || list[loss].Repeat != list[commit].Repeat {
		return list
	}
	lost, passed := list[loss].Anomaly, list[commit].Anomaly
	if lost == nil || passed == nil || lost.RecordPlace == nil || passed.RecordPlace == nil || *lost.RecordPlace != *passed.RecordPlace {
		return list
	}
	list[loss].Tally += ", " + list[commit].Tally
	return slices.Delete(list, commit, commit+1)
}

// orderLast is a sort key that puts some elements last.
func orderLast(last bool) int {
	if last {
		return 1
	}
	return 0
}

func (v *view) firstAnomaly(c *harness.Cell, check string, status harness.Status) anomaly {
	e := anomaly{Cell: c, Check: check, Tally: tallyOf(v.runsOf(c), check, status), Warning: status == harness.Warning}
	if e.Control = isControl(v.consumerInfo(c.Consumer)); e.Control {
		e.Note = v.noteOf(c)
	}
	for _, r := range v.runsOf(c) {
		f := verdictOf(r, check)
		if f == nil || f.Status != status {
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
