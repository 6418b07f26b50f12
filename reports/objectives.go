package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// objectiveRow is an objective of a consumer in a scenario, over the repeats.
type objectiveRow struct {
	Consumer  pageConsumer // Consumer is set on the page alone.
	Objective string
	Measured  []string // Measured is the value of each repeat, in words.
	Verdict   string   // Verdict is met, or the gravest other, and of how many repeats.
	Status    harness.Status
	Why       string // Why the value of a repeat is missing or decides nothing.
}

// gravity orders the verdicts on an objective, the gravest last.
var gravity = []harness.ObjectiveVerdict{harness.ObjectiveMet, harness.ObjectiveMissing, harness.ObjectiveUndecided, harness.ObjectiveMissed}

// objectiveRows are the objectives of a cell. Runs without a verdict have none.
func (v *view) objectiveRows(c *harness.Cell) (rows []objectiveRow) {
	met, judged, worst := map[string]int{}, map[string]int{}, map[string]harness.ObjectiveVerdict{}
	for _, r := range v.runsOf(c) {
		for _, o := range r.Objectives {
			i := slices.IndexFunc(rows, func(row objectiveRow) bool { return row.Objective == o.Objective })
			if i < 0 {
				i = len(rows)
				rows = append(rows, objectiveRow{Objective: o.Objective})
				worst[o.Objective] = harness.ObjectiveMet
			}
			rows[i].Measured = append(rows[i].Measured, o.Measured)
			if o.Verdict == harness.ObjectiveMissing || o.Verdict == harness.ObjectiveUndecided {
				rows[i].Why = o.Why
			}
			judged[o.Objective]++
			if o.Verdict == harness.ObjectiveMet {
				met[o.Objective]++
			}
			if slices.Index(gravity, o.Verdict) > slices.Index(gravity, worst[o.Objective]) {
				worst[o.Objective] = o.Verdict
			}
		}
	}
	for i := range rows {
		name := rows[i].Objective
		rows[i].Verdict, rows[i].Status = string(worst[name]), objectiveStatus(worst[name])
		if n := judged[name]; n > 1 {
			rows[i].Verdict += fmt.Sprintf(", met in %d of %d", met[name], n)
		}
	}
	return rows
}

// objectiveStatus is the status that an objective gives a run.
func objectiveStatus(v harness.ObjectiveVerdict) harness.Status {
	switch v {
	case harness.ObjectiveMet:
		return harness.Pass
	case harness.ObjectiveMissed:
		return harness.Fail
	case harness.ObjectiveUndecided:
		return harness.Inconclusive
	case harness.ObjectiveMissing:
	}
	return harness.NotJudged
}

// pageObjectives are the objectives of all consumers in a scenario.
func (v *view) pageObjectives(c *harness.Cell, consumer pageConsumer) []objectiveRow {
	rows := v.objectiveRows(c)
	for i := range rows {
		rows[i].Consumer = consumer
	}
	return rows
}

// writeObjectives writes what was asked, what was measured and whether that was enough.
func (t *text) writeObjectives() {
	out := table{right: 99}
	out.addRow("scenario", "consumer", "objective", "verdict", "measured")
	found := false
	t.eachCell(func(s *harness.ScenarioInfo, c *harness.Cell) {
		for _, row := range t.objectiveRows(c) {
			found = true
			measured := strings.Join(row.Measured, "; ")
			if row.Why != "" {
				measured += " (" + row.Why + ")"
			}
			out.addRow(s.Name, c.Consumer, row.Objective, row.Verdict, measured)
		}
	})
	if found {
		t.writeTitle("objectives")
		out.writeTo(t)
	}
}

// benchObjectives is how many objectives a run did not meet, nothing without any.
func benchObjectives(r *harness.Run) []measured {
	if len(r.Objectives) == 0 {
		return nil
	}
	unmet := 0
	for _, o := range r.Objectives {
		if o.Verdict != harness.ObjectiveMet {
			unmet++
		}
	}
	return []measured{{float64(unmet), "objectives-unmet"}}
}
