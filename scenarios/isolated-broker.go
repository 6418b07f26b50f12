package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A leader loses its peers and keeps its clients: the others lead, while it believes that it
// leads. Clients may get old metadata from it. With acks=all it can acknowledge nothing. A good
// consumer finds the new leaders and reads no record twice.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "isolated-broker",
	Doc:        "What does a consumer do with a broker that lost its peers, and believes that it leads?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 24 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.IsolateBroker{From: harness.Peers}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
