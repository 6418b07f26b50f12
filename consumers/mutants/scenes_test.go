package mutants_test

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// scenes are the scenarios that mutants are caught in: a few seconds of load
// each, with what brings their bugs to light. The honest consumers go through
// all of them.
var scenes = scenesBy(
	scene("steady", "nothing happens, and there are workers to spare", nil),
	scene("uneven", "work of very different lengths and a hot key that has records in hand all the time", func(s *harness.Scenario) {
		s.Service = load.Between{Min: time.Millisecond, Max: 60 * time.Millisecond}
		s.Load.Keys = load.Hot{Fraction: 0.3, Hot: 1, Others: 40}
	}),
	scene("busy", "more work than the workers get done while the load lasts", busy),
	scene("one-partition", "pods share one partition, as far as they can", func(s *harness.Scenario) { s.Partitions = 1 }),
	scene("join", "a pod joins while all have records in hand", func(s *harness.Scenario) {
		busy(s)
		s.Spare = 1
		s.Injections = []harness.Injection{{Fault: fault.JoinPod{}, At: injected}}
	}),
	scene("join-swamped", "a pod joins while all have seconds of work in hand", func(s *harness.Scenario) {
		busy(s)
		s.Service, s.Spare = load.Fixed(100*time.Millisecond), 1
		s.Injections = []harness.Injection{{Fault: fault.JoinPod{}, At: injected}}
	}),
	scene("there-and-back", "a pod joins while all have records in hand, and leaves again", func(s *harness.Scenario) {
		busy(s)
		s.Service, s.Spare = load.Fixed(60*time.Millisecond), 1
		s.Injections = []harness.Injection{{Fault: fault.JoinPod{}, At: injected, HealAfter: 4 * time.Second}}
	}),
	scene("failing", "the work on a tenth of the records fails the first time", func(s *harness.Scenario) {
		s.Failures = harness.Failures{Fraction: 0.1}
	}),
	scene("failing-twice", "the work on a tenth of the records fails twice", func(s *harness.Scenario) {
		s.Failures = harness.Failures{Fraction: 0.1, Times: 2}
	}),
	scene("sick-key", "the work on one key fails four times a record, and the others are not to suffer", func(s *harness.Scenario) {
		s.Failures = harness.Failures{Keys: []uint32{0}, Times: 4}
		s.Thresholds.OthersP99, s.Thresholds.StarvedAfter = 500*time.Millisecond, 2*time.Second
	}),
	scene("poison", "the work on a twentieth of the records can never succeed", poison),
	scene("poison-crash", "and a pod is killed meanwhile, and comes back", func(s *harness.Scenario) {
		poison(s)
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 2 * injected, HealAfter: time.Second}}
	}),
	scene("lost-answers", "answers to commits get lost", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: fault.DropResponses{Key: fault.OffsetCommit, Limit: 2}, At: injected, HealAfter: 1500 * time.Millisecond}}
	}),
	scene("crash", "a pod is killed while all have records in hand, and comes back", func(s *harness.Scenario) {
		busy(s)
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: injected, HealAfter: time.Second}}
	}),
	scene("long", "work that takes up to nearly two sessions, on few records", func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 5, For: 4 * time.Second}
		s.Service = load.Between{Min: 10 * time.Millisecond, Max: 5 * time.Second}
		s.Drain = 40 * time.Second
	}),
	scene("dropping-broker", "the broker drops records that it acknowledged", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: dropping{}, At: injected, HealAfter: time.Second}}
	}),
	scene("late-broker", "the broker appends records long after it acknowledged them", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: dropping{late: true}, At: injected, HealAfter: time.Second}}
	}),
	scene("repeating-broker", "the broker appends records once more", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: repeating{}, At: injected}}
	}),
	scene("pause", "a pod stands still for longer than its session", func(s *harness.Scenario) {
		busy(s)
		s.Injections = []harness.Injection{{Fault: fault.PausePod{}, At: injected, HealAfter: 2 * time.Second, HealSessions: 1}}
	}),
	scene("long-after-a-pause", "a pod joins, another stands still for longer than its session, and there is work for long after", func(s *harness.Scenario) {
		s.Load.Pacer, s.Spare = load.Constant{Rate: 100, For: 18 * time.Second}, 1
		s.Injections = []harness.Injection{
			{Fault: fault.JoinPod{}, At: injected / 3},
			{Fault: fault.PausePod{}, At: injected, HealAfter: 2 * time.Second, HealSessions: 1},
		}
	}),
)

// injected is when the faults strike.
const injected = 1500 * time.Millisecond

func scene(name, doc string, change func(*harness.Scenario)) harness.Scenario {
	s := harness.Scenario{
		Name: name, Doc: doc,
		Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 4 * time.Second}, Keys: load.Uniform{N: 40}},
		Service:    load.Fixed(10 * time.Millisecond),
		Partitions: 4, Pods: 2, Workers: 8, Window: 200,
		Commit: 300 * time.Millisecond, Session: 3 * time.Second, Drain: 15 * time.Second,
		Thresholds: harness.Thresholds{Lateness: time.Second}, // the judge is on trial here, not the machine
	}
	if change != nil {
		change(&s)
	}
	return s
}

// busy leaves every pod with records in hand all the time.
func busy(s *harness.Scenario) {
	s.Service, s.Workers, s.Drain = load.Fixed(50*time.Millisecond), 4, 40*time.Second
}

func poison(s *harness.Scenario) { s.Failures = harness.Failures{Poison: 0.05} }

func scenesBy(list ...harness.Scenario) map[string]harness.Scenario {
	by := map[string]harness.Scenario{}
	for _, s := range list {
		by[s.Name] = s
	}
	return by
}
