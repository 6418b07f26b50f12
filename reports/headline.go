package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// headlineText is the comparison in one sentence: which consumers kept every
// record, and how many runs could not be made.
func (v *view) headlineText() string {
	text := v.keptText()
	notMade := 0
	for _, r := range v.Runs {
		if r.Status == harness.NotMade {
			notMade++
		}
	}
	switch {
	case notMade == 0:
		return text
	case notMade == len(v.Runs):
		return "No run could be made"
	}
	return fmt.Sprintf("%s; %d of %s could not be made", text, notMade, plural(len(v.Runs), "run"))
}

// keptText says which consumers kept every record. Controls are counted only if there
// is no other consumer.
func (v *view) keptText() string {
	tested := slices.DeleteFunc(slices.Clone(v.Consumers), func(i harness.ConsumerInfo) bool { return isControl(&i) })
	if len(tested) == 0 {
		tested = v.Consumers
	}
	judged := 0
	var losers, keepers []string
	for _, i := range tested {
		runs, lost, where := v.lossesOf(i.Name)
		if runs == 0 {
			continue
		}
		judged++
		if where == "" {
			keepers = append(keepers, v.short[i.Name])
			continue
		}
		losers = append(losers, fmt.Sprintf("%s lost %s on %s", v.short[i.Name], lost, where))
	}
	kept := len(keepers)
	switch {
	case judged == 0:
		return v.noLossText(tested)
	case kept == judged && judged == 1:
		return keepers[0] + " kept every appended record"
	case kept == judged && judged == 2:
		return joinWords(keepers) + " kept every appended record"
	case kept == judged:
		return fmt.Sprintf("All %d consumers kept every appended record", judged)
	case judged == 1:
		return losers[0]
	case kept == 0:
		return "No consumer kept every appended record: " + joinWords(losers)
	}
	return fmt.Sprintf("%d of %d consumers kept every appended record; %s", kept, judged, joinWords(losers))
}

// noLossText is the headline if no run tells whether all records were kept.
func (v *view) noLossText(tested []harness.ConsumerInfo) string {
	var failed []string
	for _, i := range tested {
		for _, s := range v.Scenarios {
			if c := v.cellOf(s.Name, i.Name); c != nil && c.Status == harness.Fail {
				failed = append(failed, v.short[i.Name]+" failed on "+s.Name)
			}
		}
	}
	if len(failed) == 0 {
		return "No run came to a verdict"
	}
	return "No run tells whether all records were kept; " + joinWords(failed)
}

// lossesOf are the losses of a consumer over all runs with a verdict, and the scenarios that had them.
func (v *view) lossesOf(consumer string) (runs int, lost, where string) {
	var total int64
	var places []string
	for _, s := range v.Scenarios {
		c := v.cellOf(s.Name, consumer)
		if c == nil {
			continue
		}
		here := int64(0)
		for _, r := range v.concludedRuns(c) {
			if !countsAllRecords(r) {
				continue
			}
			runs++
			here += r.Counts.Lost
		}
		if here > 0 {
			total += here
			places = append(places, s.Name)
		}
	}
	return runs, formatCount(float64(total)), joinWords(places)
}

// countsAllRecords reports whether a run tells the end of every record: its loss
// check came to a result, and if no record was lost, no record still waits for a
// consumer that failed.
func countsAllRecords(r *harness.Run) bool {
	for _, c := range r.Verdicts {
		if c.Check == oracle.CheckLoss && c.Status == harness.Inconclusive {
			return false
		}
	}
	return r.Counts.Lost > 0 || r.Counts.Unfinished == 0 || r.Status != harness.Fail
}

// remarkTexts are the sentences under the headline: unexpected outcomes, the
// controls, and how far throughput differs.
func (v *view) remarkTexts() []string {
	var out []string
	failures := 0
	v.eachCell(func(s *harness.ScenarioInfo, c *harness.Cell) {
		if c.Expected {
			if c.Status == harness.Fail {
				failures++
			}
			return
		}
		o := v.outcomeOf(c)
		text := strings.Join(append([]string{fmt.Sprintf("Not as expected: %s on %s: %s", v.short[c.Consumer], s.Name, o.Word)}, o.Counts...), ", ")
		if o.Note != "" {
			text += " (" + o.Note + ")"
		}
		out = append(out, text+".")
	})
	if len(out) == 0 && len(v.Cells) > 0 {
		out = append(out, expectedText(failures))
	}
	for _, i := range v.Consumers {
		if text := v.controlRemark(&i); text != "" {
			out = append(out, text)
		}
	}
	for i := range v.Scenarios {
		if text := v.rateRemark(&v.Scenarios[i]); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// expectedText says that every outcome is as expected, and why failures are.
func expectedText(failures int) string {
	switch failures {
	case 0:
		return "Every outcome is as expected."
	case 1:
		return "Every outcome is as expected: the one failure is that of a control, which must fail."
	}
	return fmt.Sprintf("Every outcome is as expected: the %d failures are those of controls, which must fail.", failures)
}

func (v *view) controlRemark(i *harness.ConsumerInfo) string {
	var done []string
	for _, e := range i.MustFail {
		if c := v.cellOf(e.Scenario, i.Name); c != nil && c.Expected && c.Status == harness.Fail {
			done = append(done, fmt.Sprintf("%s on %s", e.Check, e.Scenario))
		}
	}
	if len(done) == 0 {
		return ""
	}
	return fmt.Sprintf("%s has a known flaw and failed as expected: %s.", v.short[i.Name], joinWords(done))
}

// rateRemark compares the fastest with the slowest consumer if a scenario asks for
// throughput and the two are far apart.
func (v *view) rateRemark(s *harness.ScenarioInfo) string {
	if !strings.Contains(s.Objectives, ofBound.Name) {
		return ""
	}
	var fast, slow float64
	var fastest, slowest string
	for _, i := range v.Consumers {
		c := v.cellOf(s.Name, i.Name)
		if c == nil || isControl(&i) {
			continue
		}
		done := spreadOf(v.concludedRuns(c), completedRate.Of)
		if done.median <= 0 {
			continue
		}
		if done.median > fast {
			fast, fastest = done.median, i.Name
		}
		if slowest == "" || done.median < slow {
			slow, slowest = done.median, i.Name
		}
	}
	if slow == 0 || fast < 2*slow {
		return ""
	}
	return fmt.Sprintf("On %s, %s completed %s records/s, %s times as many as %s (%s).",
		s.Name, v.short[fastest], formatRate(fast), trimmed(fast/slow), v.short[slowest], formatRate(slow))
}

const simulatedBroker = "Simulated broker (kfake): use these numbers to compare designs only. For real numbers run BROKER=docker."

// caveatTexts are the conditions under which all results hold.
func (v *view) caveatTexts() []string {
	var out []string
	if v.Modelled {
		out = append(out, simulatedBroker)
	}
	if v.Interrupted {
		out = append(out, fmt.Sprintf("Interrupted after %d of %s.", len(v.Runs), plural(v.Planned, "run")))
	}
	return out
}
