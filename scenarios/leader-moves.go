package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A balancer moves all leaders three times within seconds. Each move starts a new epoch, at whose
// beginning clients check whether the log was cut (see harness/broker/KFAKE.md). A good consumer
// reads on at its offset without any repeat.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "leader-moves",
	Doc:        "Does a consumer repeat or skip records when all leaders move again and again, while no broker fails?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 22 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.MoveLeaders{}, At: 8 * time.Second, HealAfter: time.Second},
		{Fault: fault.MoveLeaders{}, At: 11 * time.Second, HealAfter: time.Second},
		{Fault: fault.MoveLeaders{}, At: 14 * time.Second, HealAfter: time.Second},
	},
	Extra:     true,
	Consumers: reachConsumers,
})
