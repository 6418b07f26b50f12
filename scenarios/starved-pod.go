package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// For ten seconds a pod has a twentieth of a processor, as under a CPU quota that is too small.
// It stands still for 95 of each 100 ms. So it answers, but late: heartbeats, commits, and above
// all its part in a rebalance. Its partitions fall behind, or the group expels it and gives them
// to others. It does not know that at once, as after a pause.
//
// A good consumer loses nothing, keeps the order of each key, and works off what is left once
// the pod runs again. The other pods go on, unless a rebalance waits for the starved one.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "starved-pod",
	Doc:  "What does a group do while one of its pods gets a twentieth of a processor?",
	Load: harness.Load{
		Pacer: load.Constant{Rate: 90, For: 24 * time.Second},
		Keys:  load.Hot{Fraction: 0.3, Hot: 60, Others: 4000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.StarvePod{Share: 0.05}, At: 8 * time.Second, HealAfter: 10 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
