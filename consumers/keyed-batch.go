package consumers

import (
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed-batch",
	Doc: "As keyed, but one call of the work gets up to a batch of one key's records. So a hot key is up to " +
		"`batch` times as fast. The work must take several records, all or none. A batch that fails is cut in two " +
		"until the failing record is alone. That record is tried until it succeeds, before the rest of its key.",
	Use:         "Hot keys, where the downstream has a bulk interface: all records of a call or none.",
	Bound:       "W x batch / service time in all, batch / service time for one key.",
	Crash:       "As keyed, and all records of an open call.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Serial: func(cfg harness.Config) harness.Serial {
		batch, _ := parseBatch(cfg.Knobs["batch"]) // New returns the error
		return harness.Serial{Unit: harness.SerialKey, Batch: batch}
	},
	Knobs: []harness.Knob{{
		Name: "batch", Default: "20", Doc: "most records of one key in one call", Check: func(v string) error { _, err := parseBatch(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		batch, err := parseBatch(cfg.Knobs["batch"])
		return pool.Sharded{Shard: pool.ByKey(), Batch: batch}, err
	},
})

// maxBatch is larger than any window.
const maxBatch = 10_000

func parseBatch(v string) (int, error) { return knob.Count(v, "a number of records", 1, maxBatch) }
