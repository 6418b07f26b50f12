package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-record-at-most-once",
	Doc:         "Claims at most once, and swallows one record in fifty though nothing goes wrong.",
	Delivery:    harness.AtMostOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckUnexplainedLoss),
	New:         keyed(drop),
})
