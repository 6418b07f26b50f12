package consumers

import (
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed",
	Doc: "A queue per key over a pool of workers: keys in parallel, each key in order. Commits the low watermark, " +
		"takes no more than a window beyond it, and drains on revoke. A crash repeats up to a window; one slow record holds the watermark.",
	Use: "The first choice where order by key is wanted and keys are many. Not where one key alone is more than a worker can do, " +
		"or records may be slow for as long as a window takes.",
	Bound:       "W / service time in all, 1 / service time for one key; a window M that is full of one key's backlog holds up the others.",
	Crash:       "Repeats what was taken and lies above the low watermark at the last commit: at most M, and what a commit interval finished.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	New:         func(harness.Config) (harness.Consumer, error) { return pool.Sharded{Shard: pool.ByKey()}, nil },
})
