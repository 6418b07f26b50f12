package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The load is that of pod-crash, with a smaller burst. The killed pod never comes back, so two
// pods work off what it has left. With one record at a time they complete 100/s and need 13 s for
// the 1,200 records once its session is over.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "pod-lost",
	Doc:  "Do the other pods take over all work of a pod that never comes back?",
	Load: harness.Load{
		Pacer: load.Step{Base: 30, Burst: 1000, After: 2 * time.Second, Length: time.Second, For: 10 * time.Second},
		Keys:  load.Hot{Fraction: 0.3, Hot: 60, Others: 4000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillPod{}, At: 3200 * time.Millisecond}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
