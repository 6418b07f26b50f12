package bench

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/measure"
)

// The latencies of a saturated machine are marked, and are never mixed with others.
func TestSaturatedRunsAreNotMixedWithOthers(t *testing.T) {
	of := func(saturated ...bool) harness.Cell {
		c := &harness.Comparison{Scenarios: []harness.ScenarioInfo{{Name: "s"}}, Consumers: []harness.ConsumerInfo{{Name: "k"}}}
		var latencies []*measure.Latencies
		for _, sat := range saturated {
			r := harness.Run{Scenario: "s", Consumer: "k", Status: harness.Pass}
			records := 1
			if sat {
				r.Saturated, records = "no room", 100
			}
			c.Runs, latencies = append(c.Runs, r), append(latencies, latenciesOf(records))
		}
		return mergeCells(c, latencies)[0]
	}
	for name, c := range map[string]struct {
		cell      harness.Cell
		saturated bool
		records   int64
	}{
		"room":       {of(false, false), false, 2},
		"mixed":      {of(true, false, true), false, 1},
		"no room":    {of(true, true), true, 200},
		"not passed": {mergeCells(&harness.Comparison{Scenarios: []harness.ScenarioInfo{{Name: "s"}}, Consumers: []harness.ConsumerInfo{{Name: "k"}}, Runs: []harness.Run{{Scenario: "s", Consumer: "k", Status: harness.Fail, Saturated: "no room"}}}, []*measure.Latencies{latenciesOf(9)})[0], false, 0},
	} {
		if c.cell.Saturated != c.saturated || c.cell.Steady.EndToEnd.N != c.records {
			t.Errorf("%s: saturated %v, %d records; want %v, %d", name, c.cell.Saturated, c.cell.Steady.EndToEnd.N, c.saturated, c.records)
		}
	}
}

// latenciesOf are the latencies of a run of so many records, a millisecond each.
func latenciesOf(records int) *measure.Latencies {
	r := measure.NewRecorder(measure.Config{Partitions: 1, Load: time.Second, End: time.Second})
	for i := range records {
		due := time.Duration(i) * time.Millisecond
		e := ledger.Event{At: due, Kind: ledger.EventSent, Offset: int64(i), Due: due, Sent: due, Start: due, Marks: ledger.Marks{Source: int64(i), Held: true}}
		end := e
		end.Kind, end.At, end.Outcome, end.First = ledger.EventEnd, due+time.Millisecond, ledger.OutcomeEffect, true
		e.Start = 0
		r.Observe([]ledger.Event{e, end})
	}
	return r.Latencies()
}
