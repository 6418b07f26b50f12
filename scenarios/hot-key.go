package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// A key in order is worked on by one worker at a time, at most 200/s with 5 ms of
// work in the mean, which differs so that two records of a key at once end in any
// order. The hot key gets 0.2 x 500 = 100/s, half of that: a design that keeps
// order by key holds, and its other keys must not notice. One record at a
// time per pod is too little for the pod with the hot partition, which is
// offered 100 + 400/3 = 233/s against its 200/s: its backlog grows by some 40
// records each second and is worked off within seconds after the load. So the
// serial design shows in its latency what a hot key does to all keys beside it,
// and is not called overloaded for it.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "hot-key",
	Doc: "What does one hot key do to the others? A fifth of the load on one key, within what one worker can do: " +
		"a design that waits for whole partitions makes every key on the hot one's pod late.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 500, For: 10 * time.Second}, Keys: load.Hot{Share: 0.2, Hot: 1, Others: 10_000}},
	Service:    load.Between{Min: 3 * time.Millisecond, Max: 7 * time.Millisecond},
	Partitions: 12,
	Pods:       3,
	Warmup:     2 * time.Second,
	Consumers:  append(first[:len(first):len(first)], "hotlane", "salted"),
})
