package reports

import (
	"fmt"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// pageCell is one consumer in one scenario. Its details are drawn later.
type pageCell struct {
	Anchor   string
	Consumer pageConsumer
	Outcome  matrixCell
	Open     bool
}

// cellDetails is the evidence of a cell.
type cellDetails struct {
	Runs        []runRow
	Checks      pageChecks
	Assumptions []assumptionRow
	Phases      []phaseRow
	PhasesOf    int // PhasesOf is the repeat that Phases and Pods come from.
	Pods        []podRow
}

type runRow struct {
	Repeat                                 int
	Seed                                   uint64
	Status                                 harness.Status
	Reasons                                string
	Rate, Appended, Completed, Redelivered string
	Lost, Rebalances, Lateness, Took       string
}

type assumptionRow struct {
	Name, Detail string
	Held         bool
	Of           string
}

type podRow struct {
	Name, Starts, Used, Exit, Stderr string
}

type phaseRow struct {
	Name, Period, Offered, Completed               string
	P50, P90, P99, P999, Max, Delivery, Work, Acks string
}

func (v *view) pageCell(c *harness.Cell, consumer pageConsumer, anchor string) pageCell {
	return pageCell{
		Anchor: anchor, Consumer: consumer, Outcome: matrixCell{outcome: v.outcomeOf(c), Run: true},
		Open: !consumer.Control && (c.Status == harness.Fail || c.Status == harness.Inconclusive || c.Status == harness.NotMade),
	}
}

func (v *view) cellDetails(c *harness.Cell) cellDetails {
	var out cellDetails
	for _, r := range v.runsOf(c) {
		out.Runs = append(out.Runs, newRunRow(r))
	}
	out.Checks = v.pageChecks(c)
	out.Assumptions = v.assumptionRows(c)
	if r := v.drawnRun(c); r != nil {
		out.PhasesOf = r.Repeat
		for _, p := range r.Pods {
			out.Pods = append(out.Pods, newPodRow(p))
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
		Rate: formatRate(r.Completed), Appended: n(r.Counts.Appended), Completed: n(r.Counts.Completed), Redelivered: n(r.Counts.Redelivered),
		Lost: n(r.Counts.Lost), Rebalances: n(int64(r.Rebalances)), Lateness: formatMillis(r.Load.Lateness.P99.Seconds()),
		Took: formatSeconds(r.Took.Seconds()),
	}
}

func newPodRow(p harness.PodReport) podRow {
	row := podRow{Name: p.Name, Starts: plural(p.Incarnations, "start"), Exit: p.Exit, Stderr: p.Stderr}
	var used []string
	if p.CPU > 0 {
		used = append(used, formatSeconds(p.CPU.Seconds())+" s of CPU")
	}
	if p.MaxRSS > 0 {
		used = append(used, formatMiB(float64(p.MaxRSS))+" MiB")
	}
	row.Used = strings.Join(used, ", ")
	return row
}

// assumptionRows are the assumptions over the repeats of a cell. A row has the
// detail of the first run that broke the assumption, else of the first run.
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
		return formatMillis(v(q))
	}
	p99 := func(q harness.Quantiles) float64 { return q.P99.Seconds() }
	row := phaseRow{
		Name: p.Name, Period: three(p.From.Seconds()) + " to " + formatSeconds(p.To.Seconds()),
		Offered: formatRate(p.Offered), Completed: formatRate(p.Completed),
		P50: missing, P90: missing, P99: missing, P999: missing, Max: missing,
		Delivery: missing, Work: q(p.Service, p99), Acks: q(p.Ack, p99),
	}
	if r.KeptClaims() && !r.Load.Flood {
		row.P50 = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.P50.Seconds() })
		row.P90 = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.P90.Seconds() })
		row.P99 = q(p.EndToEnd, p99)
		row.P999 = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.P999.Seconds() })
		row.Max = q(p.EndToEnd, func(q harness.Quantiles) float64 { return q.Max.Seconds() })
		row.Delivery = q(p.Delivery, p99)
	}
	return row
}
