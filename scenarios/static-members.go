package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Pods are static members, as in a StatefulSet. First all of them roll: each is back within its
// session, under its instance id. Kafka gives it its partitions again without a rebalance, and
// a good consumer goes on at its commits. Then a fourth pod starts under the instance id of one
// that lives. That happens where the orchestrator is split, or where an image has the id. The
// group fences the pod that had the id. A good consumer stops its work and ends; one that works
// on does the work of the newcomer again, next to it. At the end the newcomer goes, and the pod
// comes back.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "static-members",
	Doc:        "Does a static member stop its work when another pod has its instance id?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 28 * time.Second}, Keys: load.Uniform{N: 400}},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Spare:      1,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.RollPods{Down: 500 * time.Millisecond, Pause: time.Second}, At: 8 * time.Second, HealAfter: time.Second},
		{Fault: fault.DuplicateInstance{}, At: 17 * time.Second, HealAfter: 5 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed@static", "txn@static"},
})
