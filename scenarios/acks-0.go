package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The producer waits for no broker, and the leader of the fullest partition dies. No record is
// acknowledged, so all outcomes are unknown until the log is read: what was sent to a dead
// broker is missing from it, and the report shows how much.
//
// A consumer must complete what is in the log. Records that are not in it are no loss of the
// consumer.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "acks-0",
	Doc:        "Does a consumer complete what is in the log when the producer waits for no broker and the leader dies?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 20 * time.Second}, Keys: load.Uniform{N: 1000}},
	Producer:   harness.ProducerSettings{Acks: harness.AcksNone, NotIdempotent: true},
	Service:    load.Fixed(2 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Consumers:  faultConsumers,
	Extra:      true,
})
