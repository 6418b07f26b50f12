package consumers

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "hashq",
	Doc: "As many queues as workers: each queue has its own worker. The hash of a record's key chooses its " +
		"queue. Keys of one queue wait for each other, and the fullest queue holds the low watermark. Each " +
		"partition has a quota of the window. Without it, a client that returns hundreds of records of one " +
		"partition would leave most queues empty.",
	Use: "State per key must stay with one worker, such as a cache or a connection. Otherwise use keyed: it costs no more and " +
		"leaves no worker idle.",
	Bound: "W / service time x mean keys of a queue / keys of the fullest queue: about 80 % with 100 keys a queue, less with " +
		"fewer. A hot key slows down its whole queue. A pod buffers up to a window of each partition.",
	Crash: "As keyed: repeats the records accepted above the low watermark of the last commit, at most M, and the work of a commit " +
		"interval.",
	Delivery:         harness.AtLeastOnce,
	Order:            harness.OrderKey,
	Parallelism:      allWorkers,
	Buffering:        group.MostBuffered,
	AllowIdleWorkers: true,
	Serial: func(cfg harness.Config) harness.Serial {
		return harness.Serial{Unit: harness.SerialQueue, Queues: cfg.Workers}
	},
	New: func(cfg harness.Config) (harness.Consumer, error) { return queued(byQueue(cfg.Workers)), nil },
})

func queued(queue func(*kgo.Record) uint64) harness.Consumer {
	return pool.Sharded{Shard: queue, Options: group.Options{PartitionQuotas: true}}
}

// byQueue makes a shard of each queue. The hash must not be the one that chose the
// partition: a pod sees only some residues of that, and queues would stay empty.
func byQueue(queues int) func(*kgo.Record) uint64 {
	key := pool.ByKey()
	return func(r *kgo.Record) uint64 { return key(r) % uint64(queues) }
}
