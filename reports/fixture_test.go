package reports

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// savedRun is a real comparison, which make golden renders; see its README.
const savedRun = "../testdata/run/result.json"

func saved(t testing.TB) *harness.Comparison {
	t.Helper()
	data, err := os.ReadFile(savedRun)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", savedRun, err)
	}
	return c
}

// small is a comparison with round numbers, for tests of single words and counts:
// naive is a control that loses records on pod-crash, and serial is too slow on workers.
func small() *harness.Comparison {
	c := &harness.Comparison{
		Backend: "embedded", Modelled: true, Command: "make bench", Seed: 7,
		Consumers: []harness.ConsumerInfo{
			{Name: "serial@cooperative", Base: "serial", Delivery: harness.AtLeastOnce, Order: harness.OrderPartition, Parallelism: 1},
			{Name: "naive@cooperative", Base: "naive", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Parallelism: 50,
				MustFail: []harness.Expectation{{Scenario: "pod-crash", Check: oracle.CheckLoss}}},
			{Name: "keyed@cooperative", Base: "keyed", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Parallelism: 50},
		},
	}
	for _, name := range []string{"steady", "hot-key", "broker-kill", "pod-crash", "workers"} {
		s := harness.ScenarioInfo{Name: name, Load: 30 * time.Second}
		if name == "workers" {
			s.Objectives = "of-bound>=90%"
		}
		c.Scenarios = append(c.Scenarios, s)
		for _, i := range c.Consumers {
			r := smallRun(name, i.Base)
			r.Consumer = i.Name
			c.Cells = append(c.Cells, harness.Cell{Scenario: name, Consumer: i.Name, Runs: []int{len(c.Runs)}, Status: r.Status, Expected: r.Expected})
			c.Runs = append(c.Runs, r)
		}
	}
	c.Planned = len(c.Runs)
	return c
}

func smallRun(scenario, consumer string) harness.Run {
	r := harness.Run{
		Scenario: scenario, Repeat: 1, Seed: 7, Status: harness.Pass, Expected: true, Completed: 600, Bound: 1000,
		Load:   harness.LoadReport{Offered: 600},
		Counts: harness.Counts{Appended: 1000, Completed: 1000},
		Verdicts: []harness.Verdict{
			{Check: oracle.CheckLoss, HeldTo: "at-least-once", Status: harness.Pass},
			{Check: oracle.CheckPrematureCommit, HeldTo: "at-least-once", Status: harness.Pass},
			{Check: oracle.CheckKeyInversion, Status: harness.NotJudged},
			{Check: oracle.CheckLostByBroker, Status: harness.NotObserved},
		},
	}
	switch scenario + " " + consumer {
	case "hot-key naive":
		r.Counts.Inversions, r.Counts.Overlaps, r.Verdicts[2].Count = 1289, 2203, 1289
	case "pod-crash serial", "pod-crash keyed":
		r.Counts.Redelivered = 41
	case "pod-crash naive":
		r.Status, r.Counts.Lost, r.Reasons = harness.Fail, 312, []string{"loss: 312 records"}
		r.Verdicts[0].Status, r.Verdicts[0].Count = harness.Fail, 312
		r.Verdicts[1].Status, r.Verdicts[1].Count = harness.Fail, 344
	case "workers serial":
		r.Status, r.Counts.Unfinished, r.Completed = harness.Overload, 207, 39.7
	}
	if scenario == "workers" {
		r.Load.Offered = 4400
		if consumer != "serial" {
			r.Completed, r.Bound = 3962, 3984
		}
	}
	if scenario == "broker-kill" || scenario == "pod-crash" {
		r.Faults = []harness.FaultReport{{Name: scenario, Steady: true, BacklogBack: 3 * time.Second}}
	}
	return r
}
