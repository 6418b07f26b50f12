package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// All pods leave, and the broker deletes the empty group with its commits, as it does after
// offsets.retention.minutes: librdkafka #1442 and others. The pods come back two seconds later.
// A good consumer reads from the start again: it repeats all that is left in the log and
// loses nothing. One that resets to the end skips what came meanwhile. A consumer that claims
// exactly-once is skipped: without its commits it repeats outputs, and no consumer can do better.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "commits-expired",
	Doc:        "Does a consumer lose records when its group has lost its commits?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 120, For: 20 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 6,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.ExpireCommits{}, At: 8 * time.Second, HealAfter: 2 * time.Second}},
	Consumers:  []string{"keyed", "keyed@848"},
	Extra:      true,
})
