package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The killed node leads a third of the partitions, about 270 records each
// second: enough that the counts of single seconds, which recovery is read
// from, vary little by chance. Three pods that work on one record at a time
// manage about 2,500/s less their commits, so they have room to catch up on
// what waited. The times leave six seconds of steady load before the kill; on
// real Kafka new leaders take three to seven seconds, so the node comes back
// after eight, and some load is left to see the recovery.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "broker-kill",
	Doc: "Does a consumer keep its promises when a broker dies, and how long until it is back to speed? " +
		"The leader of the fullest partition is killed under load and restarted later.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 800, For: 20 * time.Second}, Keys: load.Uniform{N: 10_000}},
	Service:    load.Fixed(time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Consumers:  first,
})
