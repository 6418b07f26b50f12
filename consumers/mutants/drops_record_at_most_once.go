package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-record-at-most-once",
	Doc:         "Claims at most once, and drops one record in fifty although nothing fails.",
	Delivery:    harness.AtMostOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckUnexplainedLoss),
	New:         tamperedKeyed(dropPicked),
})
