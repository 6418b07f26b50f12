package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// Each record of three keys fails nine times. The pauses of the shipped consumers double from
// 10 ms to a second, so such a record takes 3.3 s and looks like poison meanwhile. The three
// keys have about seven records in all. The failures end, so that each run ends: behind
// permanent poison a design without a dead-letter topic stops by definition. This scenario
// asks instead whether other keys are late, and whether order and delivery hold.
//
// Without a dead-letter topic a consumer must wait for the record, in order and at least once.
// It may not drop the record, commit past it, or let the next record of its key pass. Other keys
// must not be late. A design that works by partition delays the partition, and one that works
// on one record at a time delays the pod.
//
// A pod gets 67/s, so the window holds the records of half a minute. The low watermark waits
// for a failing record, and the window must not (try ?window=100). With one record at a time a
// pod waits 3.3 s for each failing record, 23 s if it owns all three keys. It has 12 s of load
// and the drain for that.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "poison-key",
	Doc:        "How late are all other keys when each record of 3 keys fails nine times?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 12 * time.Second}, Keys: load.Uniform{N: 1000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Keys: []uint32{0, 1, 2}, Times: 9},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Window:     2000,
	Warmup:     2 * time.Second,
	Objectives: "others-p99<=500ms, starvation<=2s",
	Consumers:  []string{"keyed", "retry-ordered", "hol-cancel"},
	Extra:      true,
})
