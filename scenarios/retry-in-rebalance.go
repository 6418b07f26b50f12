package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// One record in twenty fails three times, while pods join, leave and come back. So at each change pods
// have records that wait for a retry: in a queue, behind a pause of their partition, or in a retry topic.
// What waits must survive the change where a pod keeps the partition, and be left to the next owner
// where it does not. Bug reports have a client that resumes all paused partitions at a rebalance: it passes
// the record that waits (spring-projects/spring-kafka #2222). In others the pause outlives the
// revocation, and nothing ends it (spring-projects/spring-kafka #2525).
//
// failing-work has the same failures in a group that never changes, and churn the same changes without a
// failure. With one record at a time a failing record takes 85 ms more. A pod is then busy for
// 50/s x (5 ms + 85 ms / 20) = 46 % of its time.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "retry-in-rebalance",
	Doc:        "Does a consumer keep the records that wait for a retry when its group rebalances?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 24 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Fraction: 0.05, Times: 3},
	Partitions: 12,
	Pods:       3,
	Spare:      1,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.JoinPod{}, At: 8 * time.Second, HealAfter: 10 * time.Second},
		{Fault: fault.LeavePod{}, At: 11 * time.Second, HealAfter: 3 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "retry-dlq"},
})
