package consumers

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed-map",
	Doc: "keyed that keeps which records above the low watermark are finished in the metadata of its commits, at most 4,096 bytes. " +
		"The next owner does not work on them again, and a revocation waits for the records in work alone.",
	Use: "Where keyed fits and repeats are expensive, or one slow record may hold the watermark while others finish far beyond it. " +
		"Not where other tools write metadata of their own; one that moves offsets costs the map, and no more.",
	Bound:       "As keyed.",
	Crash:       "Repeats what was in work, and what was finished since the last commit, wherever the low watermark stood.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	New: func(harness.Config) (harness.Consumer, error) {
		return pool.Sharded{Shard: pool.ByKey(), Options: group.Options{KeepCompleted: true}}, nil
	},
})
