package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The load and the keys are those of pod-crash, with more load after the burst. The paused
// pod has work in flight, so it wakes up with records that another pod owns. The pause is three
// seconds longer than the session: the group expels the pod, the other pods take over, and it
// wakes up under load.
//
// With one record at a time each other pod completes 50/s and gets 20/s. They need until 22 s
// for the 670 records of their own share of the burst. The records of the paused pod, which
// owns its partitions again, take as long once more.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "pause",
	Doc:  "What does a pod do after a pause in which other pods took over its partitions?",
	Load: harness.Load{
		Pacer: load.Step{Base: 60, Burst: 2000, After: 4 * time.Second, Length: time.Second, For: 20 * time.Second},
		Keys:  load.Hot{Fraction: 0.3, Hot: 60, Others: 4000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.PausePod{}, At: 5300 * time.Millisecond, HealSessions: 1, HealAfter: 3 * time.Second}},
	Conditions: harness.Conditions{WorkInFlight: 2},
	Extra:      true,
	Consumers:  faultConsumers,
})
