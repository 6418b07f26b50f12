package mutants

import (
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-claims-exactly-once",
	Doc:         "Claims exactly once, and has nothing to keep that claim with: a crash repeats the records completed since the last commit.",
	Delivery:    harness.ExactlyOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("crash", oracle.CheckRedelivery),
	MayFail:     afterRebalance,
	New:         func(harness.Config) (harness.Consumer, error) { return pool.Sharded{Shard: pool.ByKey()}, nil },
})
