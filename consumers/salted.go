package consumers

import (
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "salted",
	Doc: "As keyed, with each key split over some queues in turn, and nothing that puts its records in order again: public advice against hot keys, " +
		"which is for effects that commute. A hot key is as fast as its queues, and comes out of order.",
	Use:         "Never where order by key is claimed, which it does here to show what becomes of it; for effects that commute unordered is simpler and faster.",
	Bound:       "W / service time in all, salts / service time for one key.",
	Crash:       "As keyed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Knobs: []harness.Knob{{
		Name: "salts", Default: "8", Doc: "queues that a key is split over", Check: func(v string) error { _, err := salts(v); return err },
	}},
	MustFail: []harness.Expectation{{Scenario: "hot-key", Check: oracle.CheckKeyInversion}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		n, err := salts(cfg.Knobs["salts"])
		return pool.Sharded{Shard: bySalt(n)}, err
	},
})

func salts(v string) (int, error) { return knob.Count(v, "a number of queues", 2, 1000) }

// bySalt makes some shards of each key, one after the other.
func bySalt(salts int) func(*kgo.Record) uint64 {
	key, n := pool.ByKey(), 0
	return func(r *kgo.Record) uint64 {
		n++
		return key(r) + uint64(n%salts)
	}
}
