package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The burst gives each of three pods 670 records, 13 s of work, of which its 4
// workers do about 250 in the 1.3 s from its beginning to the kill: 2.1 s of
// work are in hand, more than four commit intervals. A design that commits
// what it has not finished must have done so by then, and loses it.
//
// Of the burst 600 records are of 60 keys, ten each, which leave room to see the
// order of a key break. The others are of as many keys as there are records, nearly: a
// design that takes all that waits of a key in one call would else have nothing in hand.
//
// Before the burst there is a trickle, so that the kill finds a topic, a
// producer and a group at work: the first records of a topic take real Kafka a
// second, and a pod whose records have not landed has nothing in hand. For the
// same reason the kill comes a moment after the burst.
//
// One record at a time, the survivors do 360 each until the session of the dead
// pod is over, then about 1,200 are left for two pods, from session + 2 s on for
// three: done some 19 s after the burst.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "pod-crash",
	Doc: "What becomes of the work that a pod held when it died? A burst leaves every pod with work in hand, " +
		"then one is killed by SIGKILL; it comes back after the group has noticed.",
	Load: harness.Load{
		Pacer: load.Step{Base: 60, Burst: 2000, After: 2 * time.Second, Length: time.Second, For: 4 * time.Second},
		Keys:  load.Hot{Share: 0.3, Hot: 60, Others: 4000},
	},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillPod{}, At: 3300 * time.Millisecond, HealSessions: 1, HealAfter: 2 * time.Second}},
	Thresholds: harness.Thresholds{WorkInFlight: 2},
	Consumers:  first,
})
