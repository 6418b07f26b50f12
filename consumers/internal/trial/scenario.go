package trial

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// FaultAt is when the faults of short scenarios begin.
const FaultAt = 1500 * time.Millisecond

// NewScenario is a scenario of four seconds with workers to spare. change adapts it; nil
// changes nothing.
func NewScenario(name, doc string, change func(*harness.Scenario)) harness.Scenario {
	s := harness.Scenario{
		Name: name, Doc: doc,
		Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 4 * time.Second}, Keys: load.Uniform{N: 40}},
		Service:    load.Fixed(10 * time.Millisecond),
		Partitions: 4, Pods: 2, Workers: 8, Window: 200,
		Commit: 300 * time.Millisecond, Session: 3 * time.Second, Drain: 15 * time.Second,
		Conditions: harness.Conditions{Lateness: time.Second}, // these tests judge the checks, not the machine
	}
	if change != nil {
		change(&s)
	}
	return s
}

// Chaos is a scenario of 15 seconds in which pods are killed, pause for longer than their
// session, leave and join at random.
func Chaos(seed uint64) harness.Scenario {
	return newChaos("chaos", "pods are killed, pause, leave and join at random", seed, false)
}

// ChaosWithBrokers is Chaos in which brokers are killed too. Only on real Kafka does this
// show what a killed broker forgets, and how clients react.
func ChaosWithBrokers(seed uint64) harness.Scenario {
	return newChaos("chaos-with-brokers", "brokers and pods are killed, pods pause, leave and join at random", seed, true)
}

func newChaos(name, doc string, seed uint64, brokers bool) harness.Scenario {
	return NewScenario(name, doc, func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 100, For: 15 * time.Second}
		s.Pods, s.Spare, s.Partitions, s.Drain = 3, 2, 6, 40*time.Second
		s.Injections = fault.Chaos{From: time.Second, To: 14 * time.Second, Session: s.Session, Pods: s.Pods, Spare: s.Spare, Brokers: brokers}.Injections(seed)
	})
}
