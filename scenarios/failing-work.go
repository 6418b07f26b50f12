package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// A twentieth of the records fails three times. With pauses of 10, 20 and 40 ms between the
// attempts such a record takes 90 ms. One record at a time is then busy for
// 67/s x (5 ms + 85 ms / 20) = 60 % of its time.
//
// Each of 40 keys gets 5/s, so about every other failing record is still failing when the
// next record of its key arrives. A retry that lets that record pass is found.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "failing-work",
	Doc:        "Does a consumer drop or reorder records when 5 % of them fail three times?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 12 * time.Second}, Keys: load.Uniform{N: 40}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Fraction: 0.05, Times: 3},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Extra:      true,
	Consumers:  []string{"keyed", "retry-dlq", "hol-cancel"},
})
