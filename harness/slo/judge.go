package slo

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/metric"
)

// Verdict says whether a run met an objective.
type Verdict = harness.ObjectiveVerdict

// The verdicts.
const (
	Met       = harness.ObjectiveMet
	Missed    = harness.ObjectiveMissed
	Missing   = harness.ObjectiveMissing   // the run has no value
	Undecided = harness.ObjectiveUndecided // the limit lies within the confidence bounds
)

// Sample is a run to judge, with what its result does not hold.
type Sample struct {
	Run *harness.Run
	// Latency is the end-to-end latency of a phase at a quantile, and the number n of its
	// records; nil if only the percentiles of the result are known. The phase may be
	// [metric.AllPhases].
	Latency func(phase string, quantile float64) (d time.Duration, n int64)
	Commit  time.Duration // Commit is the commit interval.
}

// Result is the verdict on one objective.
type Result struct {
	Objective Objective
	Verdict   Verdict
	Value     float64 // Value as measured, in the unit of the metric; NaN if it is missing, infinite for a time that never came.
	// Lower and Upper are the confidence bounds: the limit from above is compared with Upper.
	// Both are the value for a metric without bounds.
	Lower, Upper float64
	// Why explains a verdict other than met in a few words.
	Why string
	// Inapplicable: the value is missing because a run of this kind has none, as a run without faults has
	// no recovery.
	Inapplicable bool
}

// Judge judges the run by each objective, in their order.
func (o Objectives) Judge(s Sample) []Result {
	var all []Result
	for _, one := range o {
		all = append(all, one.judge(s))
	}
	return all
}

// AllMet reports whether each objective is met.
func AllMet(results []Result) bool {
	for _, r := range results {
		if r.Verdict != Met {
			return false
		}
	}
	return true
}

func (o Objective) judge(s Sample) Result {
	if o.Metric.Check != "" {
		return o.judgeByCheck(s.Run)
	}
	r := Result{Objective: o, Value: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	i, why := o.measure(s)
	if why != "" {
		r.Verdict, r.Why = Missing, why
		r.Inapplicable = o.absent(s.Run) != ""
		return r
	}
	r.Value, r.Lower, r.Upper = i.Value, i.Lower, i.Upper
	worst, best := i.Upper, i.Lower
	if !o.Op.isUpper() {
		worst, best = best, worst
	}
	switch {
	case o.Op.holds(worst, o.Limit):
		r.Verdict = Met
		return r
	case !o.Op.holds(best, o.Limit):
		r.Verdict = Missed
	default:
		r.Verdict = Undecided
	}
	r.Why = describe(o.Metric, i)
	return r
}

const noValue = "the run has no value for it"

// measure is the value of a run with its bounds, or why there is none.
func (o Objective) measure(s Sample) (i metric.Interval, why string) {
	if why := o.absent(s.Run); why != "" {
		return i, why
	}
	m := o.Metric
	var v float64
	var ok bool
	switch {
	case m.Quantile > 0:
		return o.measureLatency(s)
	case m.Interval != nil:
		if i, ok = m.Interval(s.Run, s.Commit); ok {
			return i, ""
		}
	case o.Fault != "":
		v, ok = m.OfFault(s.Run, o.Fault)
	default:
		v, ok = m.Of(s.Run)
	}
	switch {
	case ok && !math.IsNaN(v):
		return metric.Interval{Value: v, Lower: v, Upper: v}, ""
	case m.Explain != nil:
		return i, m.Explain(s.Run)
	}
	return i, noValue
}

// absent says why a run of this kind has no value, "" if it should have one.
func (o Objective) absent(r *harness.Run) string {
	if o.Metric.Absent != nil {
		if why := o.Metric.Absent(r); why != "" {
			return why
		}
	}
	hasFault := func(f harness.FaultReport) bool { return f.Name == o.Fault }
	hasPhase := func(p harness.Phase) bool { return p.Name == o.Phase }
	switch {
	case o.Fault != "" && !slices.ContainsFunc(r.Faults, hasFault):
		return "the run had no fault " + o.Fault
	case o.Phase != "" && !slices.ContainsFunc(r.Phases, hasPhase):
		return "the run had no phase " + o.Phase
	}
	return ""
}

// measureLatency is a percentile of a phase.
func (o Objective) measureLatency(s Sample) (i metric.Interval, why string) {
	phase := o.Phase
	if phase == "" {
		phase = metric.AllPhases
	}
	v, ok := o.Metric.OfPhase(s.Run, phase)
	n := metric.Latencies(s.Run, phase).N
	if s.Latency != nil {
		var d time.Duration
		d, n = s.Latency(phase, o.Metric.Quantile)
		v, ok = d.Seconds(), n > 0
	}
	switch few := o.Metric.TooFew(n); {
	case n > 0 && few != "":
		return i, few
	case ok:
		return metric.Interval{Value: v, Lower: v, Upper: v}, ""
	case o.Phase != "":
		return i, "the run has no such latency in a phase " + o.Phase
	}
	return i, "the run has no such latency"
}

// judgeByCheck takes the verdict of the check that had the limit.
func (o Objective) judgeByCheck(run *harness.Run) Result {
	r := Result{Objective: o, Verdict: Missing, Value: math.NaN(), Lower: math.NaN(), Upper: math.NaN(), Why: "not judged: see the check " + o.Metric.Check, Inapplicable: true}
	for _, v := range run.Verdicts {
		if v.Check != o.Metric.Check {
			continue
		}
		switch v.Status {
		case harness.Pass:
			r.Verdict, r.Why, r.Inapplicable = Met, "", false
		case harness.Fail:
			r.Verdict, r.Why, r.Inapplicable = Missed, fmt.Sprintf("%s: %d", v.Check, v.Count), false
		case harness.Inconclusive:
			r.Why, r.Inapplicable = "inconclusive: see the check "+o.Metric.Check, false
		}
	}
	return r
}

// describe is a measured value in words, with its bounds.
func describe(m *metric.Metric, i metric.Interval) string {
	text := m.Unit.Format(i.Value)
	switch {
	case i.Why != "":
		text += ": " + i.Why
	case i.Lower != i.Upper:
		text += fmt.Sprintf(", between %s and %s", m.Unit.Format(i.Lower), m.Unit.Format(i.Upper))
	}
	if i.Where != "" {
		text += " on " + i.Where
	}
	return text
}

// Measured is the value in words, with its bounds; "-" if it is missing.
func (r *Result) Measured() string {
	if r.Verdict == Missing || math.IsNaN(r.Value) {
		return "-"
	}
	i := metric.Interval{Value: r.Value, Lower: r.Lower, Upper: r.Upper}
	if math.IsInf(r.Lower, -1) {
		i.Lower, i.Upper = i.Value, i.Value // Why says that there are no bounds
	}
	return describe(r.Objective.Metric, i)
}
