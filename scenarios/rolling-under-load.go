package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The burst leaves 1,200 records, five seconds of work for 6 workers. Four changes of the group
// begin within two seconds of that, and are undone within two more: the next one comes before the
// group has settled. So a commit of what a pod has marked can come too late: the pod got the
// partition back in the meantime, or it is another pod's (redpanda-data/connect #4477).
//
// One record at a time completes 120/s and needs 12 s.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "rolling-under-load",
	Doc:  "What breaks when pods join and leave faster than the group settles, with a backlog?",
	Load: harness.Load{
		Pacer: load.Step{Base: 20, Burst: 600, After: time.Second, Length: 2 * time.Second, For: 12 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(25 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Spare:      2,
	Workers:    2,
	Commit:     500 * time.Millisecond,
	Warmup:     time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.JoinPod{}, At: 3 * time.Second, HealAfter: 1500 * time.Millisecond},
		{Fault: fault.LeavePod{}, At: 3500 * time.Millisecond, HealAfter: 500 * time.Millisecond},
		{Fault: fault.JoinPod{}, At: 4200 * time.Millisecond, HealAfter: 1500 * time.Millisecond},
		{Fault: fault.LeavePod{}, At: 4800 * time.Millisecond, HealAfter: 500 * time.Millisecond},
	},
	Extra:     true,
	Consumers: faultConsumers,
})
