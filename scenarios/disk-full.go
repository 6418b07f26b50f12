package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A broker cannot write any more. Kafka gives up its log folder and ends the broker, which comes
// back once there is space. That is the commonest cause of death of brokers with long retention. A
// good consumer sees a broker that dies and comes back.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "disk-full",
	Doc:        "Does a consumer survive a broker that finds its disk full and ends?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 26 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.FillDisk{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
