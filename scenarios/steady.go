package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// The work takes 2 ms in the mean, so three pods that work on one record at a time complete
// about 1,500/s, less their commits. At 500/s every design is idle more than half of the time,
// and designs differ in latency only.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "steady",
	Doc:        "What does a consumer cost in latency, CPU and memory when nothing goes wrong?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 500, For: 10 * time.Second}, Keys: load.Uniform{N: 10_000}},
	Service:    load.LogNormal{Average: 2 * time.Millisecond, P99: 10 * time.Millisecond},
	Partitions: 12,
	Pods:       3,
	Warmup:     2 * time.Second,
	Consumers:  defaultConsumers,
})
