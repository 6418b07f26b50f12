package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The topic needs three replicas in sync, and one broker dies. The others refuse records with
// NOT_ENOUGH_REPLICAS until it is back. The consumer has nothing to read, while its group goes on.
// A good consumer goes on at once when records come again.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:        "not-enough-replicas",
	Doc:         "Does a consumer stay calm while the brokers refuse records for lack of replicas?",
	Load:        harness.Load{Pacer: load.Constant{Rate: 300, For: 26 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:     load.Fixed(5 * time.Millisecond),
	Partitions:  12,
	TopicConfig: map[string]string{"min.insync.replicas": "3"},
	Pods:        3,
	Workers:     8,
	Warmup:      2 * time.Second,
	Drain:       45 * time.Second,
	Injections:  []harness.Injection{{Fault: fault.LackReplicas{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:       true,
	Consumers:   referenceConsumer,
})
