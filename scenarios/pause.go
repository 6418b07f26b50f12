package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The load is that of pod-crash, its keys too, with more after it: the burst leaves the pod
// that is paused with work in hand, so that it wakes up with records that are
// another's by then. It stands still for three seconds longer than its session,
// in which the others have taken over, and wakes up under load.
//
// One record at a time, the others do 50/s each and are offered 20/s: the 670
// records of their own share of the burst take them until some 22 s, and those
// of the pod that was paused, which has them back by then, as long again.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "pause",
	Doc: "What does a pod do that was away and does not know it? One stands still for longer than its session, with work in hand, " +
		"is expelled, and wakes up when others have its partitions.",
	Load: harness.Load{
		Pacer: load.Step{Base: 60, Burst: 2000, After: 4 * time.Second, Length: time.Second, For: 20 * time.Second},
		Keys:  load.Hot{Share: 0.3, Hot: 60, Others: 4000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.PausePod{}, At: 5300 * time.Millisecond, HealSessions: 1, HealAfter: 3 * time.Second}},
	Thresholds: harness.Thresholds{WorkInFlight: 2},
	Extra:      true,
	Consumers:  first,
})
