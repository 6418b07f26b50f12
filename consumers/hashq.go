package consumers

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "hashq",
	Doc: "As many queues as workers, a worker each; the hash of its key says which queue a record waits in. " +
		"Keys of one queue wait for each other, and the fullest queue holds the low watermark and with it the window, of which each partition has a share: " +
		"a client hands out hundreds of records of a partition in a row, and their few keys would leave most queues empty.",
	Use: "Where per-key state must stay with one worker, as a cache or a connection. " +
		"Else take keyed, which costs no more and leaves no worker idle beside a queue.",
	Bound: "W / service time, times mean keys of a queue / keys of the fullest: some 80 % with 100 keys a queue, less with fewer; " +
		"a hot key drags its whole queue along.",
	Crash:            "As keyed: what was taken and lies above the low watermark at the last commit, at most M, and what a commit interval finished.",
	Delivery:         harness.AtLeastOnce,
	Order:            harness.OrderKey,
	Parallelism:      allWorkers,
	AllowIdleWorkers: true,
	New:              func(cfg harness.Config) (harness.Consumer, error) { return queued(byQueue(cfg.Workers)), nil },
})

func queued(queue func(*kgo.Record) uint64) harness.Consumer {
	return pool.Sharded{Shard: queue, Options: group.Options{PartitionQuotas: true}}
}

// byQueue makes a shard of each queue. The hash must not be the one by which the
// producer chose the partition: of its values a pod sees some residues only, and
// queues would stay empty.
func byQueue(queues int) func(*kgo.Record) uint64 {
	key := pool.ByKey()
	return func(r *kgo.Record) uint64 { return key(r) % uint64(queues) }
}
