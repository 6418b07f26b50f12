package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Three pods that work on one record at a time complete 300/s, two pods 200/s. At 150/s no
// pod falls behind, so all delay comes from changes of the group. The group settles before
// each of the four changes: one pod joins, another leaves, that pod comes back, and the first
// one leaves.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "churn",
	Doc:        "What do rebalances cost and break when pods join and leave, as in every deployment?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 24 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Spare:      1,
	Workers:    8,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.JoinPod{}, At: 8 * time.Second, HealAfter: 12 * time.Second},
		{Fault: fault.LeavePod{}, At: 12 * time.Second, HealAfter: 4 * time.Second},
	},
	Extra:     true,
	Consumers: referenceConsumer,
})
