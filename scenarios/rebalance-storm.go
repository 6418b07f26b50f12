package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// One pod leaves and comes back eight times in some twelve seconds. Each time the group
// rebalances twice. Two pods with 4 workers complete 400/s of 20 ms each, twice the load. So a
// good consumer makes progress between the changes and has no backlog for long. One record at a
// time completes 150/s with three pods: it has work in flight at each change and needs 24 s.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "rebalance-storm",
	Doc:  "Does a consumer make progress while its group rebalances about every second?",
	Load: harness.Load{
		Pacer: load.Step{Base: 20, Burst: 200, After: time.Second, Length: 16 * time.Second, For: 20 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.FlapPod{Times: 8, Up: time.Second, Down: 500 * time.Millisecond, Leave: true}, At: 4 * time.Second, HealAfter: time.Second},
	},
	Extra:     true,
	Consumers: referenceConsumer,
})
