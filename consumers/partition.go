package consumers

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "partition",
	Doc: "A record of each owned partition at a time, on a worker of its own: partitions in parallel, each in order and with " +
		"a share of the window. Commits the low watermark, drains on revoke. More partitions are the only way to more speed.",
	Use: "Where all records of a partition depend on each other, or partitions are plenty for the load. " +
		"Not where one slow record or one hot key may make all others of its partition late.",
	Bound:       "min(W, partitions owned) / service time a pod, partitions / service time in all; the slowest partition lags alone.",
	Crash:       "Repeats a record in work of each partition, and what was done since the last commit.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: partitionsOrWorkers,
	New:         func(harness.Config) (harness.Consumer, error) { return partitionwise(), nil },
})

// partitionwise takes of each partition a share of the window.
func partitionwise() harness.Consumer {
	return pool.Sharded{Shard: pool.ByPartition, Options: group.Options{PartitionQuotas: true}}
}
