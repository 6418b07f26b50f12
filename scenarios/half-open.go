package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Twice the connections of one pod die without an error, as when a router forgets them: for two
// seconds, and later for longer than a session. A burst has given each pod more work than it does
// in a session. A client that waits ten seconds for a response learns too late that the group
// expelled it. A good consumer replaces the connections within its session. Where it cannot, it
// stops its work when the session is over.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "half-open",
	Doc:  "What does a pod with a backlog do while its connections are dead and no side gets an error?",
	Load: harness.Load{
		Pacer: load.Step{Base: 40, Burst: 1000, After: 5 * time.Second, Length: 3 * time.Second, For: 36 * time.Second},
		Keys:  load.Uniform{N: 1_000},
	},
	Service:    load.Fixed(100 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Window:     1_000,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      3*time.Minute + 15*time.Second, // one record at a time has 144 s of work, and its busiest pod more
	Injections: []harness.Injection{
		{Fault: fault.CutNetwork{Of: fault.OnePod, HalfOpen: true}, At: 8 * time.Second, HealAfter: 2 * time.Second},
		{Fault: fault.CutNetwork{Of: fault.OnePod, HalfOpen: true}, At: 20 * time.Second, HealAfter: 10 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "partition"},
})
