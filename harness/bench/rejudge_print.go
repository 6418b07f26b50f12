package bench

import (
	"fmt"
	"io"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/reports"
)

// printJudgement prints the verdict on a saved ledger, the settings of its run, the
// findings of the checks, and a line for each group of checks without findings.
func printJudgement(w io.Writer, saved *engine.Saved, j *engine.Judgement) error {
	verdicts := plain.Copy(j.Verdicts) // their output of pods has lines
	saved, j = plain.Map(saved, plain.Line), plain.Map(j, plain.Line)
	b := &strings.Builder{}
	fmt.Fprintln(b, verdictLine(saved, j))
	var held []string
	for _, a := range j.Assumptions {
		if a.Held {
			held = append(held, a.Name)
		} else {
			fmt.Fprintf(b, "! %s: %s\n", a.Name, a.Detail)
		}
	}
	if len(j.Changed) > 0 {
		why := "the checks have another version, or one has a bug"
		if j.Torn {
			why = "the ledger is incomplete"
		}
		fmt.Fprintf(b, "! differs from the run, because %s: %s\n", why, strings.Join(j.Changed, ", "))
	}
	fmt.Fprintf(b, "%s, %s on %s, repeat %d, seed %d\n", saved.Scenario, saved.Consumer, saved.Backend, saved.Repeat, saved.Seed)
	for _, s := range saved.Settings {
		fmt.Fprintf(b, "  %s: %s\n", s.Name, s.Value)
	}
	if saved.Command != "" {
		fmt.Fprintf(b, "  repeat it with: %s\n", saved.Command)
	}
	if len(held) > 0 {
		fmt.Fprintf(b, "  assumptions that held: %s\n", strings.Join(held, ", "))
	}
	found, rest := groupVerdicts(verdicts)
	if err := reports.Verdicts(b, found); err != nil {
		return err
	}
	fmt.Fprintln(b)
	for _, line := range rest {
		fmt.Fprintln(b, line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdictLine is the verdict in a line, and whether the run had the same.
func verdictLine(saved *engine.Saved, j *engine.Judgement) string {
	line := "verdict: " + string(j.Status)
	var why []string
	switch j.Status {
	case harness.Inconclusive:
		for _, a := range j.Assumptions {
			if !a.Held {
				why = append(why, a.Name)
			}
		}
		if len(why) == 0 && len(j.Reasons) > 0 { // an objective
			why = j.Reasons[:1]
		}
	case harness.Fail, harness.Overload:
		for _, v := range j.Verdicts {
			if v.Status == harness.Fail || j.Status == harness.Overload && v.Check == string(harness.Overload) {
				why = append(why, fmt.Sprintf("%s %d", v.Check, v.Count))
			}
		}
		if len(why) == 0 && len(j.Reasons) > 0 { // an objective, or a control that did not fail
			why = j.Reasons[:1]
		}
	case harness.Pass, harness.Skipped, harness.NotObserved, harness.NotJudged, harness.Warning:
	}
	if len(why) > 0 {
		line += " (" + strings.Join(why, ", ") + ")"
	}
	switch {
	case len(j.Changed) > 0:
		line += fmt.Sprintf(", NOT the verdict of the run (%s)", saved.Status)
	case j.Status == harness.Fail && j.Expected:
		line += ", the verdict of the run; a control is expected to fail"
	default:
		line += ", the verdict of the run"
	}
	return line
}

// groupVerdicts returns the verdicts to print in full, and a line for each group of
// others. Inconclusive verdicts need no detail: the broken assumption is printed.
func groupVerdicts(verdicts []harness.Verdict) (found []harness.Verdict, lines []string) {
	const idle, unseen = "not claimed and not found", "not observed on this broker"
	byLine := map[string][]string{}
	add := func(line, check string) {
		if byLine[line] == nil && line != idle && line != unseen {
			lines = append(lines, line)
		}
		byLine[line] = append(byLine[line], check)
	}
	for _, v := range verdicts {
		switch {
		case v.Status == harness.NotObserved:
			add(unseen, v.Check)
		case v.Status == harness.Inconclusive:
			add("inconclusive, because of the assumptions above", v.Check)
			if v.Detail = ""; v.Count > 0 {
				found = append(found, v)
			}
		case v.Status == harness.Fail, v.Count > 0, v.Status == harness.NotJudged && v.Detail != "":
			found = append(found, v)
		case v.Status == harness.NotJudged:
			add(idle, v.Check)
		default:
			add(fmt.Sprintf("%s, held to %s", v.Status, v.HeldTo), v.Check)
		}
	}
	for _, line := range []string{idle, unseen} { // last
		if byLine[line] != nil {
			lines = append(lines, line)
		}
	}
	for i, line := range lines {
		lines[i] = plain.Line(line + ": " + strings.Join(byLine[line], ", "))
	}
	return found, lines
}
