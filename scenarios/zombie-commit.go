package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A pod stands still with a commit under way, for three seconds longer than its session. The group
// gives its partitions to other pods, which commit too. Then the pod goes on, and its old
// commit reaches the broker. The broker must refuse it, since the member is expelled, and the pod must
// not send it again under another member id. Otherwise the group's commit goes back. A good consumer
// drops what it had in flight, and joins again. pause asks the same of work, also of consumers
// without commits.
//
// One record at a time completes 150/s. The load is 90/s while the pod stands still, so its
// partitions have new commits all the time, and 45/s before and after.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "zombie-commit",
	Doc:  "Does the late commit of a pod that was replaced move the group's commit back?",
	Load: harness.Load{
		Pacer: load.Step{Base: 45, Burst: 90, After: 4 * time.Second, Length: 16 * time.Second, For: 30 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.PausePodAt{Moment: fault.BeforeCommit}, At: 8 * time.Second, HealSessions: 1, HealAfter: 3 * time.Second}},
	Extra:      true,
	Consumers:  []string{"keyed", "keyed@848"},
})
