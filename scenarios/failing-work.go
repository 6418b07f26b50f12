package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// A twentieth of the records fails three times. Pauses of 10, 20 and 40 ms
// between the tries make such a record take 90 ms: one record at a time is then
// busy for 67/s x (5 ms + 85 ms / 20) = 60 % of its time. 40 keys get 5/s each,
// so that the next record of a key comes while one fails about every other time:
// a retry that lets others pass shows.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "failing-work",
	Doc: "Does a consumer keep its promises when the work fails now and then? A record in twenty succeeds at the fourth try only: " +
		"it must neither be dropped nor be overtaken by the next of its key.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 12 * time.Second}, Keys: load.Uniform{N: 40}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Fraction: 0.05, Times: 3},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Extra:      true,
	Consumers:  append(first[:len(first):len(first)], "retry-dlq", "retry-ordered", "hol-cancel"),
})
