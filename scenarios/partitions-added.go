package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Four partitions are added to six. The producer sends to them at once, and the consumers find
// them some time later. A good consumer reads a partition without a commit from its start. One
// that begins at the end loses what was sent before it came, as in IBM/sarama #1739 and Flink's
// FLIP-288. A key may move to another partition, and its order holds in each partition alone.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "partitions-added",
	Doc:        "Does a consumer complete all records of partitions that are added while it runs?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 20 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 6,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.AddPartitions{Partitions: 4}, At: 8 * time.Second, HealAfter: 4 * time.Second}},
	Consumers:  []string{"keyed", "keyed@848"},
	Extra:      true,
})
