package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The burst gives each of three pods 600 records, 12 s of work, of which its 4
// workers do about 200 in the second until the kill: 2 s of work are in hand,
// four commit intervals. A design that commits what it has not finished must
// have done so by then, and loses it. Six records of a key leave room to see
// its order break.
//
// One record at a time, the survivors do 330 each until the session of the dead
// pod is over, then about 1,100 are left for two pods, from session + 2 s on for
// three: done some 17 s after the load.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "pod-crash",
	Doc: "What becomes of the work that a pod held when it died? A burst leaves every pod with work in hand, " +
		"then one is killed by SIGKILL; it comes back after the group has noticed.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 1800, For: time.Second}, Keys: load.Uniform{N: 300}},
	Service:    load.Fixed(20 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillPod{}, At: time.Second, HealSessions: 1, HealAfter: 2 * time.Second}},
	Thresholds: harness.Thresholds{WorkInHand: 2},
})
