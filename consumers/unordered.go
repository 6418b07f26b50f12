package consumers

import (
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "unordered",
	Doc: "One queue for a pool of workers: an idle worker takes the next record. No order, so no key waits for another. Commits " +
		"the low watermark, accepts no more than a window beyond it, and drains on revoke.",
	Use:   "Effects commute, or each record stands alone. In a comparison it is the limit that no ordered design can exceed.",
	Bound: "W / service time, whatever the keys, with as many records for each pod. A hot key fills its partition, and so its pod.",
	Crash: "Repeats the records accepted above the low watermark of the last commit: at most M, mostly those in work and those of " +
		"a commit interval.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	New:         func(harness.Config) (harness.Consumer, error) { return pool.Sharded{Shard: pool.ByRecord()}, nil },
})
