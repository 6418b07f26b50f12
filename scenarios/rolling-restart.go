package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Each broker stops cleanly and comes back, and the next one follows once all replicas are in
// sync. That is how clusters are upgraded every week. Leaders and coordinators move three times
// and more. A good consumer is late for moments and loses nothing.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "rolling-restart",
	Doc:        "What does an upgrade of the brokers cost a consumer, one clean restart after the other?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 42 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.RestartBrokers{}, At: 8 * time.Second, HealAfter: time.Second}},
	Extra:      true,
	Consumers:  stateConsumers,
})
