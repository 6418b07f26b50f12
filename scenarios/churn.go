package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Three pods that work on one record at a time do 300/s, two 200/s: at 150/s
// nobody falls behind, and what shows is what a change of members does. Each of
// the four changes comes when the one before has settled: one joins, one leaves,
// that comes back, the one that joined leaves again.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "churn",
	Doc: "What does it cost, and break, when pods come and go in good order, as in every deployment? " +
		"One joins, another leaves and comes back, the first leaves.",
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
	Consumers: first,
})
