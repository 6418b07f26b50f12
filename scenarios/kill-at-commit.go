package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A pod is killed while the broker does not have its commit yet. Later one is killed that
// does not know that its commit took effect. Each is back after a second. A good consumer
// repeats what the first commit was about, and loses nothing.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "kill-at-commit",
	Doc:        "Does a consumer lose records when a pod is killed right before or right after its commit takes effect?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 24 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.KillPodAt{Moment: fault.BeforeCommit}, At: 8 * time.Second, HealAfter: time.Second},
		{Fault: fault.KillPodAt{Moment: fault.AfterCommit}, At: 16 * time.Second, HealAfter: time.Second},
	},
	Extra:     true,
	Consumers: referenceConsumer,
})
