package reports

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// headlineText sums the comparison up in one sentence: who kept every record.
func (v *view) headlineText() string {
	judged, kept := 0, 0
	var losers, keepers []string
	for _, i := range v.Consumers {
		runs, lost, where := v.lossesOf(i.Name)
		if runs == 0 {
			continue
		}
		judged++
		if where == "" {
			kept++
			keepers = append(keepers, v.short[i.Name])
			continue
		}
		losers = append(losers, fmt.Sprintf("%s lost %s on %s", v.short[i.Name], lost, where))
	}
	switch {
	case judged == 0:
		return "No run came to a verdict"
	case kept == judged && judged == 1:
		return keepers[0] + " kept every landed record"
	case kept == judged:
		return fmt.Sprintf("All %d consumers kept every landed record", judged)
	case judged == 1:
		return losers[0]
	case kept == 0:
		return "No consumer kept every landed record: " + joinWords(losers)
	}
	return fmt.Sprintf("%d of %d consumers kept every landed record; %s", kept, judged, joinWords(losers))
}

// lossesOf are the losses of a consumer over all concluded runs, and where they fell.
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

// countsAllRecords reports whether a run can speak for what became of every record: its
// loss check concluded, and where nothing was lost the rest is not just waiting
// for a consumer that failed.
func countsAllRecords(r *harness.Run) bool {
	for _, c := range r.Verdicts {
		if c.Check == oracle.CheckLoss && c.Status == harness.Inconclusive {
			return false
		}
	}
	return r.Counts.Lost > 0 || r.Counts.Unfinished == 0 || r.Status != harness.Fail
}

// remarkTexts are the sentences under the headline: what was not as expected, the
// controls, how far throughput differs, what has no verdict.
func (v *view) remarkTexts() []string {
	var out []string
	v.eachCell(func(s *harness.ScenarioInfo, c *harness.Cell) {
		if c.Expected {
			return
		}
		o := v.outcomeOf(c)
		text := fmt.Sprintf("Not as it should be: %s on %s, %s", v.short[c.Consumer], s.Name, o.Word)
		for _, more := range o.Counts {
			text += ", " + more
		}
		if o.Note != "" {
			text += ", " + o.Note
		}
		out = append(out, text+".")
	})
	if len(out) == 0 && len(v.Cells) > 0 {
		out = append(out, "Every outcome is as it should be, controls and allowed overloads included.")
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
	return fmt.Sprintf("%s is a control, shipped to fail, and failed as it must: %s.", v.short[i.Name], joinWords(done))
}

// rateRemark compares the fastest with the slowest where a scenario asks for
// throughput and the two are far apart.
func (v *view) rateRemark(s *harness.ScenarioInfo) string {
	if s.Thresholds.OfBound == 0 {
		return ""
	}
	var fast, slow float64
	var fastest, slowest string
	for _, i := range v.Consumers {
		c := v.cellOf(s.Name, i.Name)
		if c == nil || len(i.MustFail) > 0 {
			continue
		}
		done := spreadOf(v.concludedRuns(c), completedRate)
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
	return fmt.Sprintf("On %s %s completes %s records/s, %s times the %s of %s.",
		s.Name, v.short[fastest], formatRate(fast), trimmed(fast/slow), formatRate(slow), v.short[slowest])
}

// caveatTexts are what every figure must be read with.
func (v *view) caveatTexts() []string {
	var out []string
	if v.Modelled {
		out = append(out, "The broker is modelled, no real Kafka ran ("+v.Broker+"): the figures rank designs, they are no broker benchmark. Run with BROKER=docker for figures to believe.")
	}
	if v.Interrupted {
		out = append(out, fmt.Sprintf("Interrupted: %d of %s ended before the comparison did.", len(v.Runs), plural(v.Planned, "run")))
	}
	return out
}
