package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// All three pods are killed at once before the first commit, since the commit interval is
// 20 s. They come back while their old members are still in the group. No partition has a
// commit then, and the log has records: all of them count. A consumer that is set to
// begin at the end of the log skips them (FLINK-28303).
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "start-without-commits",
	Doc:  "Do all pods together begin at the start of the log when there is no commit?",
	Load: harness.Load{
		Pacer: load.Step{Base: 40, Burst: 200, After: time.Second, Length: 2 * time.Second, For: 14 * time.Second},
		Keys:  load.Uniform{N: 8},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 24,
	Pods:       3,
	Workers:    4,
	Commit:     20 * time.Second,
	Warmup:     time.Second,
	Drain:      50 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.KillPod{}, At: 3 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.KillPod{}, At: 3 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.KillPod{}, At: 3 * time.Second, HealAfter: 2 * time.Second},
	},
	Extra:     true,
	Consumers: faultConsumers,
})
