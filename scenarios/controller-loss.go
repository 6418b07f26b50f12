package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The active controller is killed. On real Kafka the two others elect one of them, and it then
// elects leaders for what the dead node led. The incident behind it is a controller that takes
// seconds to fail over. A good consumer loses and repeats nothing that it has committed.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "controller-loss",
	Doc:        "Does the death of the controller disturb a consumer whose brokers and leaders stay?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 24 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillBroker{Of: fault.Controller}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
