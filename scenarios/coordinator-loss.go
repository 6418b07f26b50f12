package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The coordinator of the group is killed, and later the new one stands still. Members of a dead
// coordinator notice it at once. One that stands still keeps their heartbeats until the request
// times out, so the group may expel them. Reports: akka/alpakka-kafka #1304, librdkafka #2944. A
// good consumer stops what it has lost, and repeats what was not committed.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "coordinator-loss",
	Doc:        "Does a consumer keep its commits and its group when the coordinator dies, and later stands still for longer than a session?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 40 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.KillBroker{Of: fault.GroupCoordinator}, At: 8 * time.Second, HealAfter: 8 * time.Second},
		{Fault: fault.PauseBroker{Of: fault.GroupCoordinator}, At: 24 * time.Second, HealAfter: 8 * time.Second},
	},
	Extra:     true,
	Consumers: stateConsumers,
})
