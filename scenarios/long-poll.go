package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// One record in fifty takes 8 s, longer than the session of 6 s: some ten records of 480. Heartbeats
// do not depend on the work, so no member needs to be expelled. A consumer that leaves its group
// when a batch takes longer than its poll interval gets the same batch again. So does the
// next one (aio-libs/aiokafka #848). One that stops when a record has waited too long stays in the
// group and does nothing (smallrye-reactive-messaging #1811).
//
// The work is 84 s in all. One record at a time does it in 28 s if it is spread evenly. It takes
// 50 s if one pod has half of the slow records.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "long-poll",
	Doc:        "Does a consumer stay in its group while single records take longer than its session?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 30, For: 16 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Rare{Usual: 10 * time.Millisecond, Slow: 8 * time.Second, Share: 0.02},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      90 * time.Second,
	Extra:      true,
	Consumers:  faultConsumers,
})
