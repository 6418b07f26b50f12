package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A pod joins and leaves again. Each time the group answers all commits with REBALANCE_IN_PROGRESS for some
// three seconds, as Kafka does between JoinGroup and SyncGroup. So the last commits of pods for the partitions
// that they give up are refused too. A good consumer gives the partitions up without them, and the next
// owner repeats the work since the commit before. Bug reports have a thread that ends at such a commit
// (line/decaton #201), and fetchers that wait for one that never succeeds (confluentinc/librdkafka #2933).
//
// Three pods with 4 workers complete 480 records/s of 25 ms each, more than twice the load of 200/s. One
// record at a time completes 120/s: it has work in flight at each change, and needs 17 s for 2,000 records.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "commit-in-rebalance",
	Doc:  "Does a consumer go on when commits are refused while its group rebalances?",
	Load: harness.Load{
		Pacer: load.Step{Base: 40, Burst: 200, After: time.Second, Length: 8 * time.Second, For: 20 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(25 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Spare:      1,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.RebalanceInProgress}, At: 4 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.JoinPod{}, At: 4500 * time.Millisecond, HealAfter: 5500 * time.Millisecond},
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.RebalanceInProgress}, At: 9500 * time.Millisecond, HealAfter: 3 * time.Second},
	},
	Extra:     true,
	Consumers: referenceConsumer,
})
