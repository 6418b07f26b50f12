package consumers

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "partition",
	Doc: "One record of each partition at a time, on a pool of workers: partitions in parallel, each in order and with an equal " +
		"quota of the window. Commits the low watermark and drains on revoke. Only more partitions make it faster.",
	Use: "All records of a partition depend on each other, or there are enough partitions for the load. Not where one slow " +
		"record or one hot key may delay its whole partition.",
	Bound: "min(W, partitions owned) / service time a pod, partitions / service time in all; the slowest partition lags alone. " +
		"A pod buffers up to a window of each partition.",
	Crash:       "Repeats one record in work of each partition, and the work since the last commit.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: partitionsOrWorkers,
	Buffering:   group.MostBuffered,
	New:         func(harness.Config) (harness.Consumer, error) { return partitionwise(), nil },
})

// partitionsOrWorkers is the parallelism of a design with one record of a partition at a time.
func partitionsOrWorkers(cfg harness.Config) int {
	if cfg.Partitions == 0 {
		return cfg.Workers
	}
	return min(cfg.Workers, cfg.Partitions)
}

func partitionwise() harness.Consumer {
	return pool.Sharded{Shard: pool.ByPartition, Options: group.Options{PartitionQuotas: true}}
}
