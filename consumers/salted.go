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
	Doc: "As keyed, but the records of a key go to several queues in turn, and no step restores their order: " +
		"public advice against hot keys, for effects that commute. A hot key is as fast as its queues, and its " +
		"records come out of order.",
	Use: "Never where order by key is needed. It claims that order to show how the judge finds it broken. For effects that " +
		"commute, unordered is simpler and faster.",
	Bound:       "W / service time in all, salts / service time for one key.",
	Crash:       "As keyed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Serial: func(cfg harness.Config) harness.Serial {
		salts, _ := parseSalts(cfg.Knobs["salts"]) // New returns the error
		return harness.Serial{Unit: harness.SerialKey, Ways: salts}
	},
	Knobs: []harness.Knob{{
		Name: "salts", Default: "8", Doc: "queues that a key is split over", Check: func(v string) error { _, err := parseSalts(v); return err },
	}},
	MustFail: []harness.Expectation{{Scenario: "hot-key", Check: oracle.CheckKeyInversion}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		n, err := parseSalts(cfg.Knobs["salts"])
		return pool.Sharded{Shard: bySalt(n)}, err
	},
})

func parseSalts(v string) (int, error) { return knob.Count(v, "a number of queues", 2, 1000) }

// bySalt makes several shards of each key, in turn.
func bySalt(salts int) func(*kgo.Record) uint64 {
	key, n := pool.ByKey(), 0
	return func(r *kgo.Record) uint64 {
		n++
		return key(r) + uint64(n%salts)
	}
}
