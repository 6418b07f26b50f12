package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The producer waits for the leader alone, and the leader of the fullest partition dies. Records
// that no other replica had are acknowledged and gone. The report counts them at lost by broker,
// which is not judged: the settings of the producer do not exclude it.
//
// A consumer must complete what is in the log. It may not skip records because offsets
// that it had heard of are used again. A model of Kafka without replication loses nothing.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "acks-1",
	Doc:        "Does a consumer complete what is in the log when the producer waits for the leader alone and the leader dies?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 20 * time.Second}, Keys: load.Uniform{N: 1000}},
	Producer:   harness.ProducerSettings{Acks: harness.AcksLeader, NotIdempotent: true},
	Service:    load.Fixed(2 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Consumers:  faultConsumers,
	Extra:      true,
})
