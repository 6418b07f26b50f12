package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// The work takes 2 ms in the mean, so three pods that work on one record at a
// time manage about 1,500/s between them, less their commits: at 500/s they are
// idle more than half of the time, and what differs is latency.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "steady",
	Doc: "What does a consumer cost when nothing goes wrong? An even load that every design keeps up with: " +
		"latency, CPU and memory at the same rate.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 500, For: 10 * time.Second}, Keys: load.Uniform{N: 10_000}},
	Service:    load.LogNormal{Average: 2 * time.Millisecond, P99: 10 * time.Millisecond},
	Partitions: 12,
	Pods:       3,
	Warmup:     2 * time.Second,
	Consumers:  first,
})
