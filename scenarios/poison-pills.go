package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// One record in a hundred can never be worked on: about 24 of 2,400. A consumer with a
// dead-letter topic copies each of them there, once, and goes on. It may not drop them, commit
// past one whose copy is not acknowledged, or try one again that has its dead letter. Other
// records must have their effects.
//
// A consumer without a dead-letter topic stops behind the first of them by definition, so the
// default consumers have one.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "poison-pills",
	Doc:        "Does a consumer with a dead-letter topic put each record there, once, that can never be worked on?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 12 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Poison: 0.01},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Consumers:  []string{"retry-dlq", "retry-ordered", "hol-cancel"},
	Extra:      true,
})
