package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Three pods with 8 workers complete 1,200 records/s of 20 ms each. The load is 800/s, two
// thirds of that, and 6,000/s for two seconds. The burst leaves a backlog of 9,600 records,
// 3,200 in each of three partitions.
//
// Three pods gain 400/s on it and need 24 s. Meanwhile a new record waits for all records
// before it, up to eight seconds. Three more pods join right after the burst, as an
// autoscaler would start them. They get no partition. A design that copies records to a topic
// with more partitions uses all six pods, and its backlog is gone after six seconds. A
// design that skips the backlog serves new records at once and works off the old ones with
// spare workers. More than half of the records of these 32 s are new ones, so the median
// shows how long new records wait.
//
// The three pods leave a second before the load ends. With one record at a time three pods
// complete 150/s, less than the load at any time: they cannot keep up.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "backlog",
	Doc:  "How long do new records wait behind a backlog on 3 partitions when 6 pods run?",
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
	Consumers:   []string{"keyed", "forward"},
	Extra:       true,
})
