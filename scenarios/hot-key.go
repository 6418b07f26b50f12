package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// In key order one worker at a time works on a key: at most 200/s with 5 ms of work in the
// mean. The work varies, so that two records of a key that run at once end in any order. The
// hot key gets 0.2 x 500 = 100/s, half of what one worker can do. A design that keeps order by
// key keeps up, and its other keys must not be late.
//
// The pod with the hot partition gets 100 + 400/3 = 233/s. With one record at a time it
// completes 200/s: its backlog grows by some 40 records a second and is gone within seconds
// after the load. So the serial design shows in its latency what a hot key does to other keys,
// and does not count as overloaded.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "hot-key",
	Doc:        "How much later are all other keys when one key gets a fifth of the load?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 500, For: 10 * time.Second}, Keys: load.Hot{Fraction: 0.2, Hot: 1, Others: 10_000}},
	Service:    load.Between{Min: 3 * time.Millisecond, Max: 7 * time.Millisecond},
	Partitions: 12,
	Pods:       3,
	Warmup:     2 * time.Second,
	Consumers:  append(defaultConsumers[:len(defaultConsumers):len(defaultConsumers)], "hotlane", "salted"),
})
