package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A burst of large values leaves a backlog, and a pod has a limit for its memory, as in
// Kubernetes. A pod above its limit is killed, and starts again with what it had not
// committed. A good consumer keeps its window of 50 records in memory and leaves the rest in the
// log, so it never comes near the limit.
//
// A consumer with a queue without limit fetches all that there is, is killed, comes back and
// fetches it again. It is in a crash loop until others have worked off its backlog. No claim
// of delivery or order breaks. The memory of its pods and *excess buffering* show it.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "memory-limit",
	Doc:  "Does a pod stay below its memory limit when its work falls behind?",
	Load: harness.Load{
		Pacer:   load.Step{Base: 30, Burst: 600, After: 3 * time.Second, Length: 2 * time.Second, For: 10 * time.Second},
		Keys:    load.Uniform{N: 1000},
		Payload: memoryPayload,
	},
	Service:    load.Fixed(80 * time.Millisecond),
	Partitions: 6,
	Pods:       3,
	Workers:    4,
	Window:     50,
	MaxPoll:    50,
	Commit:     500 * time.Millisecond,
	Warmup:     time.Second,
	Drain:      time.Minute,
	Injections: []harness.Injection{{Fault: fault.LimitMemory{Limit: podMemory}, At: 2 * time.Second, HealAfter: 18 * time.Second}},
	Objectives: "rss-max<=56MiB",
	Consumers:  referenceConsumer,
	Extra:      true,
})

// On embedded, pods with this window had up to 49 MiB, and those with a queue without limit 71.
const (
	memoryPayload = 128 << 10
	podMemory     = 56 << 20
)
