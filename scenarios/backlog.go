package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Three pods with 8 workers do 1,200/s of 20 ms; 800/s are offered, two thirds of it, and
// for two seconds 6,000/s. That leaves a backlog of some 9,600 records, 3,200 in each of
// three partitions. Three pods gain 400/s on it and are done with it 24 s later; all that
// time a record that comes waits for those before it, up to eight seconds. Three pods join
// right after the burst, as an autoscaler would have it: there is no partition for them,
// but for who makes more, and then the backlog is gone in six seconds. Who skips it is
// back at once, and works it off beside. So in 32 s more than half of the records are
// recent ones, and the median is what those wait.
//
// The three leave a second before the load ends. One record at a time three pods do
// 150/s, less than is offered at any time: they cannot keep up.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "backlog",
	Doc: "What becomes of recent records behind a backlog, and when is it gone? A burst of two seconds is five times what all can do, on few partitions; " +
		"then the load is what it was, and more pods come than there are partitions. Who works in the order of the log makes the recent wait for the old.",
	Load: harness.Load{
		Pacer: load.Step{Base: 800, Burst: 6000, After: 4 * time.Second, Length: 2 * time.Second, For: 32 * time.Second},
		Keys:  load.Uniform{N: 10_000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 3,
	Pods:       3,
	Spare:      3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      20 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.JoinPod{}, At: 6000 * time.Millisecond, HealAfter: 25 * time.Second},
		{Fault: fault.JoinPod{}, At: 6100 * time.Millisecond, HealAfter: 25 * time.Second},
		{Fault: fault.JoinPod{}, At: 6200 * time.Millisecond, HealAfter: 25 * time.Second},
	},
	MayOverload: true,
	Consumers:   []string{"keyed", "forward", "skip-compensate"},
	Extra:       true,
})
