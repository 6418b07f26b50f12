package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// Of 18 s of load the middle six are slow: 100 ms of work in place of 10. 24 workers
// do 240/s then and are offered 150/s. Three pods that work on one record at a time
// do 300/s before, twice what is offered, and 30/s then: they fall behind by 720
// records, which take them some five seconds once what is downstream is quick again.
// So everybody is back before the drain ends, and a consumer that is not has kept
// something from the slow time: a limit that it does not raise again, calls that it
// gave up and made twice, a membership lost over work that took long.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "slow-downstream",
	Doc: "What becomes of a consumer while what is downstream is slow, and afterwards? For a third of the load work takes ten times as long: " +
		"who has workers to spare is late by that and no more, who has not falls behind, and all are to be back to speed after it.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 18 * time.Second}, Keys: load.Uniform{N: 1000}},
	Service:    load.Fixed(10 * time.Millisecond),
	Slowdown:   harness.Slowdown{From: 8 * time.Second, To: 14 * time.Second, Factor: 10},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Consumers:  first,
	Extra:      true,
})
