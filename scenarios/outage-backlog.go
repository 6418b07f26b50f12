package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// All pods die at once, as with the nodes they run on, and come back ten seconds later. The group is
// empty then, and 1,500 records wait. The pods come back one after the other while the backlog is
// theirs to work off: each start is a rebalance under full load. A good consumer begins at the commit,
// repeats what it had not committed, and is back at the load without another loss of members.
//
// Three pods with 4 workers complete 600 records/s of 20 ms each. Their window is smaller than their
// backlog. One record at a time completes 150/s: it needs until some 32 s for the 2,700 records.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "outage-backlog",
	Doc:  "How does a consumer work off what has come in while all of its pods were away?",
	Load: harness.Load{
		Pacer: load.Step{Base: 50, Burst: 150, After: 2 * time.Second, Length: 15 * time.Second, For: 24 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Window:     100,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      60 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.KillPod{}, At: 5 * time.Second, HealSessions: 1, HealAfter: 4 * time.Second},
		{Fault: fault.KillPod{}, At: 5 * time.Second, HealSessions: 1, HealAfter: 5 * time.Second},
		{Fault: fault.KillPod{}, At: 5 * time.Second, HealSessions: 1, HealAfter: 6 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "share"},
})
