package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The leader of the fullest partition gets a small share of a CPU. It is slow for producers and
// peers too, unlike the one of slow-broker. It keeps its session, so no leader need move. Clients
// that wait for all brokers are slow as a whole. A good consumer is slow on the partitions of
// this broker only.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "starved-broker",
	Doc:        "Does one broker that is short of CPU, and not dead, slow down the partitions of all others?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 24 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.SlowBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
