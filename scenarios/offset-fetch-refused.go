package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A pod joins, and leaves again. Each time, for three seconds, the brokers refuse to tell members
// the commits of their new partitions, as brokers that coordinate the group no more. The second
// time it is a session longer: the group takes so long to remove a static member that left. Reports:
// librdkafka #2944 and #5586, in which a partition is then never read again, while heartbeats
// and all other partitions go on. A good consumer asks again until it knows where to begin.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "offset-fetch-refused",
	Doc:        "Does a consumer read all its partitions when the group did not tell it their commits at first?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 29 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Spare:      1,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.JoinPod{}, At: 8 * time.Second, HealAfter: 10 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.OffsetFetch, Code: fault.NotCoordinator}, At: 8010 * time.Millisecond, HealAfter: 3 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.OffsetFetch, Code: fault.NotCoordinator}, At: 18010 * time.Millisecond, HealAfter: 3 * time.Second, HealSessions: 1},
	},
	Extra:     true,
	Consumers: []string{"keyed", "keyed@848"},
})
