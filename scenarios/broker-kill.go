package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The fault kills the leader of the fullest partition. It leads a third of all partitions,
// which get about 270 records a second. Recovery is read from the counts of single seconds,
// and at this rate they vary little by chance. Three pods that work on one record at a time
// complete about 2,500/s less their commits, so they can catch up.
//
// The load is steady for six seconds before the kill. Real Kafka elects new leaders within
// three to seven seconds, so the node restarts after eight. The load goes on long enough
// to show the recovery.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "broker-kill",
	Doc:        "Does a consumer lose or repeat records when a partition leader is killed, and how fast does it catch up?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 800, For: 20 * time.Second}, Keys: load.Uniform{N: 10_000}},
	Service:    load.Fixed(time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Consumers:  defaultConsumers,
})
