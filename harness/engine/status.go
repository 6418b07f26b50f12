package engine

import (
	"fmt"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// decideStatus gives a run its status. Run.Expected says whether that is acceptable.
func (p *Plan) decideStatus(out *harness.Run) {
	out.Status, out.Reasons = statusOf(out.Verdicts, out.Assumptions, out.Objectives)
	missed := p.missedFailure(out)
	if missed != "" && out.Status != harness.Inconclusive {
		out.Status, out.Reasons = harness.Fail, append([]string{fmt.Sprintf("control: %s had to fail in this scenario and did not", missed)}, out.Reasons...)
	}
	out.Expected = missed == "" && p.isAcceptable(out.Status)
}

// statusOf is the status of a run with its reasons. A failed check decides before a broken
// assumption, and that before overload. A missed objective counts only if all assumptions
// hold. One that is undecided, or without a value, leaves a run inconclusive that would pass.
func statusOf(verdicts []harness.Verdict, assumptions []harness.Assumption, objectives []harness.ObjectiveResult) (harness.Status, []string) {
	var failed, broken []string
	for _, v := range verdicts {
		switch v.Status {
		case harness.Fail:
			failed = append(failed, reasonOf(&v))
		case harness.Pass, harness.NotJudged, harness.NotObserved, harness.Inconclusive, harness.Warning:
		}
	}
	for _, a := range assumptions {
		if !a.Held {
			broken = append(broken, a.Name+": "+a.Detail)
		}
	}
	missed, open := objectiveReasons(objectives)
	if len(broken) == 0 {
		failed = append(failed, missed...)
	}
	switch overload := findVerdict(verdicts, oracle.CheckOverload); {
	case len(failed) > 0:
		return harness.Fail, append(failed, broken...)
	case len(broken) > 0:
		return harness.Inconclusive, broken
	case overload != nil && overload.Count > 0:
		return harness.Overload, []string{overload.Detail}
	case len(open) > 0:
		return harness.Inconclusive, open
	}
	return harness.Pass, nil
}

// reasonOf is a failed check as a reason: how many anomalies it found. A reason about pods
// has the first of them too, for no metric of the run shows why a pod ended.
func reasonOf(v *harness.Verdict) string {
	reason := fmt.Sprintf("%s: %d", v.Check, v.Count)
	if len(v.Examples) == 0 || v.Examples[0].RecordPlace != nil {
		return reason
	}
	first, _, _ := strings.Cut(v.Examples[0].Text, "\n")
	return fmt.Sprintf("%s: %s %s", reason, strings.Join(v.Examples[0].Pods, ", "), first)
}

// missedFailure is a check that a control had to fail in this scenario and did not, "" for
// none.
func (p *Plan) missedFailure(out *harness.Run) string {
	for _, must := range p.Consumer.Implementation.MustFail {
		if must.Scenario != out.Scenario {
			continue
		}
		if v := findVerdict(out.Verdicts, must.Check); v == nil || v.Status != harness.Fail {
			return must.Check
		}
	}
	return ""
}

// isAcceptable reports whether a status is acceptable. A control may end in any way that
// says something.
func (p *Plan) isAcceptable(s harness.Status) bool {
	switch {
	case p.Consumer.Implementation.Control():
		return s != harness.Inconclusive
	case s == harness.Overload:
		return p.Scenario.MayOverload
	}
	return s == harness.Pass || s == harness.Skipped
}
