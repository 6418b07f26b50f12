package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Every fifth response to the producer is lost for four seconds, after the broker has appended the
// records. Without idempotence the producer appends them again. With five requests in flight
// some lie in the log behind later ones.
//
// A consumer must follow the log as it is: it works on each copy once, in the order of the
// log. What lies in the log twice or out of order is the doing of the producer, and the report
// counts it as such: log duplicate and log order are not judged, and no consumer is at fault.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "producer-retry",
	Doc:        "Is a consumer blamed for records that a producer without idempotence appends twice and out of order?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 16 * time.Second}, Keys: load.Uniform{N: 100}},
	Producer:   harness.ProducerSettings{NotIdempotent: true, InFlight: 5},
	Service:    load.Fixed(2 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.LoseAcks{Every: 5}, At: 8 * time.Second, HealAfter: 4 * time.Second}},
	Consumers:  referenceConsumer,
	Extra:      true,
})
