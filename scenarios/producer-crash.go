package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The producer ends with records in flight, and a new one goes on two seconds later with a
// producer id of its own. A record in flight is in the log or not: its outcome is unknown until
// the log is read. What is due meanwhile comes late and at once, 300 records in a burst.
//
// A consumer must complete each record that is in the log, and no record may be missing because
// of the burst.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "producer-crash",
	Doc:        "Does a consumer complete what is in the log when the producer crashes with records in flight?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 16 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillProducer{}, At: 8 * time.Second, HealAfter: 2 * time.Second}},
	Consumers:  referenceConsumer,
	Extra:      true,
})
