package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Three pods with 2 workers complete 240 records/s of 25 ms each, and 160/s while one of them
// is away. The load is 300/s from 1 s to 11 s. So pods have more than a second of work in flight
// when the deploy begins at 4 s. At each change they have more. One record at a time completes 120/s:
// the 3,040 records take it 26 s.
//
// Each pod is away for 1.5 s, longer than a heartbeat interval: the others own its partitions and have work
// of them in flight when it is back. If it came back sooner, it would often join before they did, and get
// its partitions back at once. The group has two seconds to settle. A consumer that
// commits at a revocation what it has fetched and not worked on loses hundreds of records
// (confluentinc/parallel-consumer #826). One that works on after a revocation works next to the
// new owner (akka/alpakka-kafka #872). With nothing in hand, as in churn, neither shows.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "deploy-under-load",
	Doc:  "What does a rolling deploy cost and break when each pod has seconds of work in flight?",
	Load: harness.Load{
		Pacer: load.Step{Base: 20, Burst: 300, After: time.Second, Length: 10 * time.Second, For: 13 * time.Second},
		Keys:  load.Uniform{N: 400},
	},
	Service:    load.Fixed(25 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    2,
	Commit:     500 * time.Millisecond,
	Warmup:     time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.RollPods{Down: 1500 * time.Millisecond, Pause: 2 * time.Second}, At: 4 * time.Second, HealAfter: time.Second},
	},
	Extra:     true,
	Consumers: faultConsumers,
})
