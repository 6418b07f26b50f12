package mutants_test

import (
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	_ "github.com/stampede-bench/stampede/scenarios"
)

// scenarios, by name, are those in which mutants are caught: a few seconds of load each,
// with what makes their bugs show. The honest consumers go through all of them.
var scenarios = indexScenarios(
	trial.NewScenario("steady", "nothing happens, and there are workers to spare", nil),
	trial.NewScenario("uneven", "work of very different lengths, and a hot key that always has records in work", func(s *harness.Scenario) {
		s.Service = load.Between{Min: time.Millisecond, Max: 60 * time.Millisecond}
		s.Load.Keys = load.Hot{Fraction: 0.3, Hot: 1, Others: 40}
	}),
	trial.NewScenario("busy", "more work than the workers can do while the load lasts", makeBusy),
	trial.NewScenario("one-partition", "all pods share one partition, if their group allows it", func(s *harness.Scenario) { s.Partitions = 1 }),
	trial.NewScenario("join", "a pod joins while all pods have records in work", func(s *harness.Scenario) {
		makeBusy(s)
		s.Spare = 1
		s.Injections = []harness.Injection{{Fault: fault.JoinPod{}, At: trial.FaultAt}}
	}),
	trial.NewScenario("join-swamped", "a pod joins while each pod has seconds of work queued", func(s *harness.Scenario) {
		makeBusy(s)
		s.Service, s.Spare = load.Fixed(100*time.Millisecond), 1
		s.Injections = []harness.Injection{{Fault: fault.JoinPod{}, At: trial.FaultAt}}
	}),
	trial.NewScenario("there-and-back", "a pod joins while all pods have records in work, and leaves again", func(s *harness.Scenario) {
		makeBusy(s)
		s.Service, s.Spare = load.Fixed(60*time.Millisecond), 1
		s.Injections = []harness.Injection{{Fault: fault.JoinPod{}, At: trial.FaultAt, HealAfter: 4 * time.Second}}
	}),
	trial.NewScenario("failing", "the work on a tenth of the records fails the first time", func(s *harness.Scenario) {
		s.Failures = harness.Failures{Fraction: 0.1}
	}),
	trial.NewScenario("failing-twice", "the work on a tenth of the records fails twice", func(s *harness.Scenario) {
		s.Failures = harness.Failures{Fraction: 0.1, Times: 2}
	}),
	trial.NewScenario("sick-key", "the work on one key fails four times for each record, and other keys must not suffer", func(s *harness.Scenario) {
		s.Failures = harness.Failures{Keys: []uint32{0}, Times: 4}
		s.Objectives = "others-p99<=500ms, starvation<=2s"
	}),
	trial.NewScenario("poison", "the work on a twentieth of the records never succeeds", poisonRecords),
	trial.NewScenario("poison-crash", "as poison, and a pod is killed meanwhile and comes back", func(s *harness.Scenario) {
		poisonRecords(s)
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 2 * trial.FaultAt, HealAfter: time.Second}}
	}),
	trial.NewScenario("dropped-responses", "responses to commits are dropped", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: fault.DropResponses{Key: fault.OffsetCommit, Limit: 2}, At: trial.FaultAt, HealAfter: 1500 * time.Millisecond}}
	}),
	trial.NewScenario("crash", "a pod is killed while all pods have records in work, and comes back", func(s *harness.Scenario) {
		makeBusy(s)
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: trial.FaultAt, HealAfter: time.Second}}
	}),
	trial.NewScenario("long", "few records, whose work takes up to nearly two session timeouts", func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 5, For: 4 * time.Second}
		s.Service = load.Between{Min: 10 * time.Millisecond, Max: 5 * time.Second}
		s.Drain = 40 * time.Second
	}),
	trial.NewScenario("dropping-broker", "the broker drops records that it acknowledged", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: dropProduced{}, At: trial.FaultAt, HealAfter: time.Second}}
	}),
	trial.NewScenario("late-broker", "the broker appends records long after it acknowledged them", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: dropProduced{late: true}, At: trial.FaultAt, HealAfter: time.Second}}
	}),
	trial.NewScenario("repeating-broker", "the broker appends records once more", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: repeatProduced{}, At: trial.FaultAt}}
	}),
	trial.NewScenario("pause", "a pod stands still for longer than its session timeout", func(s *harness.Scenario) {
		makeBusy(s)
		s.Injections = []harness.Injection{{Fault: fault.PausePod{}, At: trial.FaultAt, HealAfter: 2 * time.Second, HealSessions: 1}}
	}),
	trial.NewScenario("long-after-a-pause", "a pod joins, another stands still for longer than its session timeout, and the load goes on long after", func(s *harness.Scenario) {
		s.Load.Pacer, s.Spare = load.Constant{Rate: 100, For: 18 * time.Second}, 1
		s.Injections = []harness.Injection{
			{Fault: fault.JoinPod{}, At: trial.FaultAt / 3},
			{Fault: fault.PausePod{}, At: trial.FaultAt, HealAfter: 2 * time.Second, HealSessions: 1},
		}
	}),
)

// findScenario is one of the scenarios above, or else a built-in one. Real time is not measured
// here, so the producer may be late.
func findScenario(name string) (s harness.Scenario, ok bool) {
	if s, ok = scenarios[name]; ok {
		return s, true
	}
	builtIn, err := harness.FindScenario(name)
	if err != nil {
		return s, false
	}
	s = *builtIn
	s.Conditions.Lateness = time.Second
	return s, true
}

// makeBusy gives every pod records in work all the time.
func makeBusy(s *harness.Scenario) {
	s.Service, s.Workers, s.Drain = load.Fixed(50*time.Millisecond), 4, 40*time.Second
}

func poisonRecords(s *harness.Scenario) { s.Failures = harness.Failures{Poison: 0.05} }

func indexScenarios(list ...harness.Scenario) map[string]harness.Scenario {
	byName := map[string]harness.Scenario{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName
}
