package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The burst gives each of three pods 670 records, which are 13 s of work. Its 4 workers
// complete about 250 of them in the 1.3 s before the kill. Then 2.1 s of work are in flight,
// more than four commit intervals. A design that commits records before their work completes
// has committed some of them and loses them.
//
// 600 records of the burst have 60 keys, ten records each, so that a broken key order shows.
// The others have nearly as many keys as records: a design that takes all waiting records of a
// key in one call would otherwise have nothing in flight.
//
// A trickle comes before the burst, so that topic, producer and group are at work at the kill.
// The first records of a topic take real Kafka a second, and a pod that gets no records has
// none in flight. For the same reason the kill comes shortly after the burst.
//
// With one record at a time each surviving pod completes 360 records until the session of the
// killed pod expires. Then 1,200 are left for two pods, and for three from session + 2 s on:
// completed some 19 s after the burst.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "pod-crash",
	Doc:  "What happens to the records in flight when a pod is killed during a burst?",
	Load: harness.Load{
		Pacer: load.Step{Base: 60, Burst: 2000, After: 2 * time.Second, Length: time.Second, For: 4 * time.Second},
		Keys:  load.Hot{Fraction: 0.3, Hot: 60, Others: 4000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillPod{}, At: 3300 * time.Millisecond, HealSessions: 1, HealAfter: 2 * time.Second}},
	Conditions: harness.Conditions{WorkInFlight: 2},
	Consumers:  defaultConsumers,
})
