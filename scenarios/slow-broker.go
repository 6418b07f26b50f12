package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// For eight seconds the leader of the fullest partition, and a third of all, answers each
// request of the pods 400 ms late: a failing disk, or a bad cable. The producer and the other
// brokers are as fast as before. A good consumer works on the other partitions as before.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "slow-broker",
	Doc:        "How late are records from the other brokers when one broker answers 400 ms late?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 20 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{
		Fault: fault.SlowNetwork{Delay: 400 * time.Millisecond, Of: fault.OneBroker}, At: 8 * time.Second, HealAfter: 8 * time.Second,
	}},
	Extra:     true,
	Consumers: referenceConsumer,
})
