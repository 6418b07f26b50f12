package consumers

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed-map",
	Doc: "As keyed, and each commit carries the offsets completed above the low watermark, in its metadata, at most 4,096 bytes. " +
		"The next owner does not work on them again. A revocation waits only for the records in work.",
	Use: "As keyed, where repeats are expensive, or where one slow record may hold up the low watermark while " +
		"others are completed far above it. Not where other tools write commit metadata. A tool that moves " +
		"offsets makes the metadata void, and does no other harm.",
	Bound:       "As keyed.",
	Crash:       "Repeats the records in work and those completed since the last commit, wherever the low watermark was.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	New: func(harness.Config) (harness.Consumer, error) {
		return pool.Sharded{Shard: pool.ByKey(), Options: group.Options{KeepCompleted: true}}, nil
	},
})
