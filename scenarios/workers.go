package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// 4 pods x 100 workers / 100 ms are at most 4,000/s. The load is 1.1 times that, so that
// there is always work to do. A consumer fails below 90 % of the bound of its own design.
//
// Each pod owns one partition. Its window holds twenty records for each worker, so that no
// worker is idle while the slowest key runs. At 4,000/s the 88,000 records take two seconds
// longer than the load. With one record at a time a pod completes 10/s and would need an hour,
// so the drain is short.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:        "workers",
	Doc:         "How much of its workers' time does a consumer use on 4 partitions under too much load?",
	Load:        harness.Load{Pacer: load.Constant{Rate: 4400, For: 20 * time.Second}, Keys: load.Uniform{N: 20_000}},
	Service:     load.Fixed(100 * time.Millisecond),
	Partitions:  4,
	Pods:        4,
	Workers:     100,
	Window:      2000,
	Warmup:      3 * time.Second,
	Drain:       11 * time.Second,
	Objectives:  "of-bound>=90%",
	MayOverload: true,
	Consumers:   defaultConsumers,
})
