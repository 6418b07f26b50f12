package consumers

import (
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "keyed",
	Doc: "A queue per key on a pool of workers: keys in parallel, each key in order. Commits the low watermark, accepts no more " +
		"than a window beyond it, and drains on revoke.",
	Use: "The first choice where order by key is wanted and there are many keys. Not where one key needs more " +
		"than one worker, nor where one record may take as long as the window takes to fill: it holds up the low " +
		"watermark.",
	Bound: "W / service time in all, 1 / service time for one key. A key with a backlog waits for its turn among the " +
		"keys of its pod: with few workers it loses some per cent. A window M full of its backlog holds up the others.",
	Crash:       "Repeats the records accepted above the low watermark of the last commit, at most M, and the work of a commit interval.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	New:         func(harness.Config) (harness.Consumer, error) { return pool.Sharded{Shard: pool.ByKey()}, nil },
})
