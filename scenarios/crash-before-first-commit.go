package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The commit interval is 20 s, and all three pods are killed at once before the first commit. The
// first one comes back while its old member is still in the group: that is a start of all pods
// without commits. It takes over what the others had once their sessions have ended, and two
// seconds later they come back.
//
// 8 keys use at most 8 of 24 partitions. Each new owner finds records and no commit, and has to
// begin at the start of the log. A consumer that is set to begin at the end, and commits nothing
// before its first record, skips what the killed pods had read. It skips what came since, too
// (knative-extensions/eventing-kafka #549, FLINK-28303).
//
// The load goes on long after all of that, so that a skipped record has later ones behind it. One record
// at a time completes 150/s with three pods. The 1,120 records take it 22 s with one.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "crash-before-first-commit",
	Doc:  "Where do the next owners begin when all pods are killed before they have committed anything?",
	Load: harness.Load{
		Pacer: load.Step{Base: 40, Burst: 200, After: time.Second, Length: 2 * time.Second, For: 20 * time.Second},
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
		{Fault: fault.KillPod{}, At: 3 * time.Second, HealSessions: 1, HealAfter: 2 * time.Second},
		{Fault: fault.KillPod{}, At: 3 * time.Second, HealSessions: 1, HealAfter: 2 * time.Second},
	},
	Extra:     true,
	Consumers: referenceConsumer,
})
