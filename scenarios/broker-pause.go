package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The leader of four partitions stands still, as in a long garbage collection. The others lead
// after its session, while clients wait on open connections until their requests time out. It
// wakes up as a leader that was replaced. A good consumer moves on as soon as its client does.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "broker-pause",
	Doc:        "What does a consumer do while a leader stands still with its connections open?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 30 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.PauseBroker{}, At: 8 * time.Second, HealAfter: 10 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
