package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// An autoscaler adds three pods while each partition has some hundred records in hand, and removes them
// four seconds later. After a pause it does both again. So each pod loses partitions of which it has
// fetched much more than it has worked on, and gets some of them back. The new pods work off at most 60 of
// these hundred records: each begins within two seconds of its start, and has two partitions
// and 40 records/s.
//
// What a pod knows of a partition from before must not count when it comes back. Bug reports have
// consumers that go on where they had fetched to (typelevel/fs2-kafka #1051). Others never resume a
// partition that was paused when it was revoked (twmb/franz-go #507). The late commits of others move
// the group back (redpanda-data/connect #4477).
//
// Other scenarios do not ask that. In churn and rebalance-storm a pod has no records in hand. In
// rolling-under-load the group has no time to settle. In deploy-under-load each pod that comes back
// is a new process.
//
// Three pods complete 120 records/s of 50 ms each, six complete 240/s. The burst leaves 1,200, and
// some 900 of them are left at the second change. One record at a time completes 60/s: it needs 50 s for
// the 2,900 records.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "scale-out-and-in",
	Doc:  "What does a pod do with partitions that it lost with records in hand, and gets back?",
	Load: harness.Load{
		Pacer: load.Step{Base: 100, Burst: 700, After: time.Second, Length: 2 * time.Second, For: 17 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(50 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Spare:      3,
	Workers:    2,
	Warmup:     time.Second,
	Drain:      75 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.ScaleOut{Pods: 3}, At: 3500 * time.Millisecond, HealAfter: 4 * time.Second},
		{Fault: fault.ScaleOut{Pods: 3}, At: 11 * time.Second, HealAfter: 4 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed"},
})
