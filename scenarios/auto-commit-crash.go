package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Commits come every five seconds, as by the defaults of Kafka's clients, and two pods crash. A good
// consumer repeats what it completed since its last commit, which is five seconds of work at most.
// The report shows that price as redelivered. A consumer that lets its client commit what was polled,
// and works elsewhere, loses what it has in flight: the commonest mistake there is
// (twmb/franz-go #57, apache/beam #21742).
//
// Three pods with 2 workers complete 150 records/s of 40 ms each. The burst leaves 800, and some 400
// are left at the first crash, after the next commits. One record at a time completes 75/s:
// the 1,820 records take it 24 s.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "auto-commit-crash",
	Doc:  "What is lost or repeated when pods crash that commit every five seconds, as clients do by default?",
	Load: harness.Load{
		Pacer: load.Step{Base: 30, Burst: 350, After: 2 * time.Second, Length: 4 * time.Second, For: 18 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(40 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    2,
	Commit:     5 * time.Second,
	Warmup:     2 * time.Second,
	Drain:      60 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.KillPod{}, At: 9500 * time.Millisecond, HealSessions: 1, HealAfter: 2 * time.Second},
		{Fault: fault.KillPod{}, At: 12 * time.Second, HealSessions: 1, HealAfter: 2 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "naive"},
})
