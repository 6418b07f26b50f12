package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A leader loses its clients and keeps its peers, as behind a broken load balancer. It leads on,
// and nothing moves, so its partitions wait. If it is the coordinator too, the group expels its
// members. A good consumer works on what it reaches, and goes on after that without a reset.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "unreachable-broker",
	Doc:        "What does a consumer do while no client reaches one broker, which leads on?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 24 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.IsolateBroker{From: harness.Clients}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:      true,
	Consumers:  reachConsumers,
})
