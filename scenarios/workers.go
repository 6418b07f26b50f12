package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// 4 pods x 100 workers / 100 ms are 4,000/s at most; 1.1 times that are
// offered, so that there is always work to do. The window holds twenty records
// for each worker of a pod's only partition, so that waiting for the slowest
// key does not leave workers idle. What 4,000/s cannot do of 88,000 records
// takes two more seconds; a design that works on one record at a time does 10/s
// a pod and would need an hour, so the drain is short.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "workers",
	Doc: "How much of its workers' time does a consumer use, on few partitions? Slower work than partitions alone can carry, " +
		"offered at 1.1 times what all workers together can do; each design is held to 90 % of its own bound.",
	Load:        harness.Load{Pacer: load.Constant{Rate: 4400, For: 20 * time.Second}, Keys: load.Uniform{N: 20_000}},
	Service:     load.Fixed(100 * time.Millisecond),
	Partitions:  4,
	Pods:        4,
	Workers:     100,
	Window:      2000,
	Warmup:      3 * time.Second,
	Drain:       11 * time.Second,
	Thresholds:  harness.Thresholds{OfBound: 0.9},
	MayOverload: true,
	Consumers:   first,
})
