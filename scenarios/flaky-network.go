package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The network is bad in four ways, for three seconds each: round trips take up to 200 ms
// longer, connections are reset, responses end after 20 bytes, and nothing of one pod passes.
// All of that is shorter than a session, so no member need be expelled. A good consumer is
// late, and repeats at most what it could not commit.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "flaky-network",
	Doc:        "Does a consumer lose or repeat records when its network is slow, resets connections and passes nothing for a while?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 34 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.SlowNetwork{Delay: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}, At: 8 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.ResetConnections{}, At: 14 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.CutResponses{}, At: 20 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.CutNetwork{Of: fault.OnePod}, At: 26 * time.Second, HealAfter: 3 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "txn"},
})
