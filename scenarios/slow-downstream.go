package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// The work is slow for the middle six of 18 s of load: 100 ms in place of 10 ms. Then 24
// workers complete 240/s, and the load is 150/s. A design that uses all workers is late by the
// longer work only.
//
// Three pods that work on one record at a time complete 300/s before, twice the load, and 30/s
// then. They fall behind by 720 records, which take them five seconds once the work is quick
// again. So every design can be back before the drain ends. A consumer that is not back has kept
// something of the slow period: a limit that it does not raise again, calls that it gave up
// and made twice, or a membership lost during long work.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "slow-downstream",
	Doc:        "Does a consumer return to full speed after work that took ten times as long for six seconds?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 18 * time.Second}, Keys: load.Uniform{N: 1000}},
	Service:    load.Fixed(10 * time.Millisecond),
	Slowdown:   harness.Slowdown{From: 8 * time.Second, To: 14 * time.Second, Factor: 10},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Consumers:  faultConsumers,
	Extra:      true,
})
