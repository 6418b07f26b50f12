package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// For six of 18 s all work fails, as when the database behind a consumer is down. A consumer
// without a dead-letter topic must wait for it: nothing may be committed past a failed
// record, no record may be dropped, and order holds. 150/s are 900 records of backlog. Three
// pods that work on one record at a time complete 300/s, so they are back six seconds later.
//
// A consumer with a dead-letter topic gives records up once it has tried them as often as it
// declares. That is its design, and its price.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "dependency-down",
	Doc:        "Does a consumer drop, reorder or skip records while all work fails for six seconds?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 18 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Failures:   harness.Failures{Fraction: 1, Times: -1, From: 8 * time.Second, To: 14 * time.Second},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Consumers:  []string{"keyed", "retry-dlq"},
	Extra:      true,
})
