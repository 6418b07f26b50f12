package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// Each record of three keys fails nine times: with pauses that double from 10 ms to
// a second, as the shipped consumers have, that is 3.3 s, in which nobody can tell it
// from poison. The three keys have about seven records between them. A run must come
// to an end: behind poison that stays for ever each design without a dead-letter
// topic stands still, by definition and in every run, and what is judged here, whether
// the others suffer and whether order and delivery hold meanwhile, could not be.
//
// A pod is offered 67/s, so the window holds what it gets in half a minute: the low
// watermark waits for the sick record, the window must not (try ?window=100). One
// record at a time, a pod stands still for 3.3 s a sick record, 23 s if it has all
// three keys; it has those 12 s of load and the drain.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "poison-key",
	Doc: "What does a key whose work fails and fails do to all others? Three keys in a thousand are sick: each of their records fails nine times. " +
		"Without a dead-letter topic, at least once in order means to wait: a consumer must neither drop the record, nor commit past it, nor let the next " +
		"of its key pass, and yet no other key may be late for it. Who works by partition holds up the partition, who works on one record at a time the pod.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 12 * time.Second}, Keys: load.Uniform{N: 1000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Keys: []uint32{0, 1, 2}, Times: 9},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Window:     2000,
	Warmup:     2 * time.Second,
	Thresholds: harness.Thresholds{OthersP99: 500 * time.Millisecond, StarvedAfter: 2 * time.Second},
	Consumers:  append(first[:len(first):len(first)], "retry-dlq", "retry-ordered", "hol-cancel"),
	Extra:      true,
})
