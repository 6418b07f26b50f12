package consumers

import (
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed-batch",
	Doc: "As keyed, but a worker takes up to a batch of a key's records in one call of what is downstream, so that a hot key is done up to that " +
		"many times as fast. What is downstream must take several records at once, all or none; a batch that fails is cut in two until its culprit " +
		"is alone, and that is tried again before the rest of its key.",
	Use:         "Hot keys, where what is downstream has a bulk interface: all records of a call or none.",
	Bound:       "W x batch / service time in all, batch / service time for one key.",
	Crash:       "As keyed, and all of a call that was open.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Knobs: []harness.Knob{{
		Name: "batch", Default: "20", Doc: "records of one key in one call, at most", Check: func(v string) error { _, err := batchSize(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		batch, err := batchSize(cfg.Knobs["batch"])
		return pool.Sharded{Shard: pool.ByKey(), Batch: batch}, err
	},
})

// mostBatch is more than any window makes use of.
const mostBatch = 10_000

func batchSize(v string) (int, error) { return knob.Count(v, "a number of records", 1, mostBatch) }
