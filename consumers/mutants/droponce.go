package mutants

import "github.com/stampede-bench/stampede/harness"

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drop-once",
	Doc:         "Claims at most once, and swallows one record in fifty though nothing goes wrong.",
	Delivery:    harness.AtMostOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must("unexplained loss"),
	New:         keyed(drop),
})
