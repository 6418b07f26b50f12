package consumers

import (
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "unordered",
	Doc: "One queue over a pool of workers: whichever is idle takes the next record. No order, and so no key that waits for another. " +
		"Commits the low watermark, takes no more than a window beyond it, and drains on revoke.",
	Use:         "Where effects commute or each record stands alone; and in a comparison as the line that no design with an order can exceed.",
	Bound:       "W / service time, whatever the keys.",
	Crash:       "Repeats what was taken and lies above the low watermark at the last commit: at most M, mostly what was in work and a commit interval.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	New:         func(harness.Config) (harness.Consumer, error) { return pool.Sharded{Shard: pool.ByRecord()}, nil },
})
