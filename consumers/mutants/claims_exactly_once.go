package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-claims-exactly-once",
	Doc:         "Promises each record exactly once and has nothing to keep that promise by: what a crash leaves uncommitted is done again.",
	Delivery:    harness.ExactlyOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("crash", oracle.CheckRedelivery),
	MayFail:     moved,
	New:         made(nil),
})
