package reports

import (
	"fmt"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// pageCell has the details of one consumer in one scenario.
type pageCell struct {
	Anchor      string
	Consumer    pageConsumer
	Outcome     matrixCell
	Open        bool
	Runs        []runRow
	Checks      []checkRow
	Assumptions []assumptionRow
	Phases      []phaseRow
	PhasesOf    int // PhasesOf is the repeat that Phases, Pods are of.
	Pods        []harness.PodReport
	PodUse      []string
}

type runRow struct {
	Repeat                            int
	Seed                              uint64
	Status                            harness.Status
	Reasons                           string
	Done, Landed, Finished, Redone    string
	Lost, Rebalances, Lateness, TookS string
}

type checkRow struct {
	Check, HeldTo string
	Status        harness.Status
	Count, Detail string
	Examples      []string
}

type assumptionRow struct {
	Name, Detail string
	Held         bool
	Of           string
}

type phaseRow struct {
	Name, Span, Offered, Done                      string
	P50, P90, P99, P999, Max, Delivery, Work, Acks string
}

func (v *view) pageCell(c *harness.Cell, consumer pageConsumer, anchor string) pageCell {
	out := pageCell{
		Anchor: anchor, Consumer: consumer, Outcome: matrixCell{outcome: v.outcomeOf(c), Run: true},
		Open: c.Status == harness.Fail || c.Status == harness.Inconclusive,
	}
	for _, r := range v.runsOf(c) {
		out.Runs = append(out.Runs, newRunRow(r))
	}
	for _, check := range v.checkNames(c) {
		out.Checks = append(out.Checks, v.checkRow(c, check))
	}
	out.Assumptions = v.assumptionRows(c)
	if r := v.drawnRun(c); r != nil {
		out.PhasesOf, out.Pods = r.Repeat, r.Pods
		for _, p := range r.Pods {
			out.PodUse = append(out.PodUse, formatDuration(p.CPU.Seconds())+" of CPU, "+formatSize(float64(p.MaxRSS)))
		}
		for i := range r.Phases {
			out.Phases = append(out.Phases, newPhaseRow(r, &r.Phases[i]))
		}
	}
	return out
}

func newRunRow(r *harness.Run) runRow {
	n := func(v int64) string { return formatCount(float64(v)) }
	return runRow{
		Repeat: r.Repeat, Seed: r.Seed, Status: r.Status, Reasons: strings.Join(r.Reasons, "; "),
		Done: formatRate(r.Completed), Landed: n(r.Counts.Appended), Finished: n(r.Counts.Completed), Redone: n(r.Counts.Redelivered),
		Lost: n(r.Counts.Lost), Rebalances: n(int64(r.Rebalances)), Lateness: formatDuration(r.Load.Lateness.P99.Seconds()),
		TookS: formatDuration(r.Took.Seconds()),
	}
}

// checkGravity orders the statuses of a check, the gravest last.
var checkGravity = map[harness.Status]int{
	harness.NotJudged: 1, harness.NotObserved: 2, harness.Pass: 3, harness.Overload: 4, harness.Inconclusive: 5, harness.Fail: 6,
}

// checkRow is a check over the repeats of a cell: the gravest status, with the
// evidence of the first run that has it.
func (v *view) checkRow(c *harness.Cell, check string) checkRow {
	row := checkRow{Check: check}
	var gravest *harness.Verdict
	for _, r := range v.runsOf(c) {
		if f := verdictOf(r, check); f != nil && (gravest == nil || checkGravity[f.Status] > checkGravity[gravest.Status]) {
			gravest = f
		}
	}
	row.HeldTo, row.Status, row.Detail = gravest.HeldTo, gravest.Status, gravest.Detail
	row.Count = rangeOf(spreadOf(v.runsOf(c), func(r *harness.Run) (float64, bool) {
		f := verdictOf(r, check)
		return float64(verdictCount(f)), f != nil
	}))
	if gravest.Status == harness.Pass && gravest.AtMost > 0 && row.Detail == "" {
		row.Detail = "at most " + v.trialsOf(c).AtMost() + ", with 95 % confidence"
	}
	if gravest.Status == harness.Fail {
		for i := range gravest.Examples {
			a := &gravest.Examples[i]
			row.Examples = append(row.Examples, fmt.Sprintf("%s (key %d, seq %d, %s)", a.Text, a.Key, a.Seq, recordPosition(a)))
		}
	}
	return row
}

// assumptionRows are the assumptions over the repeats of a cell, each with the
// detail of the first run that broke it, else of the first run.
func (v *view) assumptionRows(c *harness.Cell) []assumptionRow {
	var rows []assumptionRow
	index := map[string]int{}
	held, judged := map[string]int{}, map[string]int{}
	for _, r := range v.runsOf(c) {
		for _, a := range r.Assumptions {
			judged[a.Name]++
			if a.Held {
				held[a.Name]++
			}
			i, seen := index[a.Name]
			if !seen {
				index[a.Name] = len(rows)
				rows = append(rows, assumptionRow{a.Name, a.Detail, a.Held, ""})
			} else if rows[i].Held && !a.Held {
				rows[i].Held, rows[i].Detail = false, a.Detail
			}
		}
	}
	for i := range rows {
		if n := judged[rows[i].Name]; n > 1 {
			rows[i].Of = fmt.Sprintf("%d of %d", held[rows[i].Name], n)
		}
	}
	return rows
}

func newPhaseRow(r *harness.Run, p *harness.Phase) phaseRow {
	q := func(q harness.Quantiles, v func(harness.Quantiles) float64) string {
		if q.N == 0 {
			return missing
		}
		return formatDuration(v(q))
	}
	p99 := func(q harness.Quantiles) float64 { return q.P99.Seconds() }
	row := phaseRow{
		Name: p.Name, Span: three(p.From.Seconds()) + " to " + formatDuration(p.To.Seconds()),
		Offered: formatRate(p.Offered), Done: formatRate(p.Completed),
		P50: missing, P90: missing, P99: missing, P999: missing, Max: missing,
		Delivery: missing, Work: q(p.Service, p99), Acks: q(p.Ack, p99),
	}
	if r.Status == harness.Pass && !r.Load.Flood {
		row.P50 = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.P50.Seconds() })
		row.P90 = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.P90.Seconds() })
		row.P99 = q(p.EndToEnd, p99)
		row.P999 = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.P999.Seconds() })
		row.Max = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.Max.Seconds() })
		row.Delivery = q(p.Delivery, p99)
	}
	return row
}
