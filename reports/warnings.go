package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// warning is a reason to doubt some repeats of a cell.
type warning struct {
	Scenario, Consumer string
	What, Detail       string
	repeats            []int
}

// Repeats are the numbers of the repeats that have it.
func (t warning) Repeats() string { return strings.Trim(fmt.Sprint(t.repeats), "[]") }

// warnings are the broken assumptions, the runs without a verdict, the second
// attempts, the ledgers that were not saved, and the pods that ended by themselves or left processes.
// Equal warnings of several repeats of a cell are one.
func (v *view) warnings() []warning {
	var all []warning
	v.eachCell(func(_ *harness.ScenarioInfo, c *harness.Cell) {
		first := len(all)
		for _, r := range v.runsOf(c) {
			for _, t := range warningsOf(r) {
				i := slices.IndexFunc(all[first:], func(o warning) bool { return o.What == t.What && o.Detail == t.Detail })
				if i < 0 {
					i = len(all) - first
					all = append(all, t)
				}
				all[first+i].repeats = append(all[first+i].repeats, r.Repeat)
			}
		}
	})
	return append(all, v.bareWarnings()...)
}

func warningsOf(r *harness.Run) []warning {
	var all []warning
	add := func(what, detail string) {
		all = append(all, warning{Scenario: r.Scenario, Consumer: r.Consumer, What: what, Detail: detail})
	}
	if !hasVerdict(r.Status) {
		add(string(r.Status), strings.Join(r.Reasons, "; "))
	}
	for _, a := range r.Assumptions {
		if !a.Held && !slices.ContainsFunc(r.Reasons, func(reason string) bool { return strings.Contains(reason, a.Detail) }) {
			add("broken assumption: "+a.Name, a.Detail)
		}
	}
	if r.Saturated != "" {
		add("saturated machine", r.Saturated)
	}
	if r.Retried != "" {
		add("second attempt", "the first was inconclusive: "+r.Retried)
	}
	if r.LedgerError != "" {
		add("ledger not saved", r.LedgerError)
	}
	for _, p := range r.Pods {
		if p.Exit != "" {
			add(p.Name+" ended by itself", p.Exit)
		}
		if len(p.Survivors) > 0 {
			add(p.Name+" left processes that could not be ended", strings.Join(p.Survivors, ", "))
		}
	}
	return all
}
