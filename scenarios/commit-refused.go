package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Five times the group refuses commits for two seconds, which is four commits of each pod:
// as in a rebalance, as while its coordinator loads, as after that moved, and as those of an
// earlier generation. No other request is refused. Bug reports have loops that end at such an
// error, or that take the commit for done. A good consumer commits again, and loses nothing.
// The last time is at the end of the load. No record comes after it, whose commit would make up
// for one that was taken for done (astubbs/parallel-consumer #108).
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "commit-refused",
	Doc:        "What does a consumer do with work whose commits are refused for two seconds?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 29 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.RebalanceInProgress}, At: 8 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.CoordinatorLoadInProgress}, At: 13 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.NotCoordinator}, At: 18 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.IllegalGeneration}, At: 23 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.RebalanceInProgress}, At: 28 * time.Second, HealAfter: 2 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "txn"},
})
