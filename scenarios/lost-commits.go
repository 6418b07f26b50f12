package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// For four seconds the broker carries out each commit and the connection breaks before the
// response: some eight commits of each pod and their retries. The committed offsets are
// valid.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "lost-commits",
	Doc:        "Does a consumer repeat work when its commits succeed but the responses are lost?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 16 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.DropResponses{Key: fault.OffsetCommit}, At: 8 * time.Second, HealAfter: 4 * time.Second}},
	Extra:      true,
	Consumers:  referenceConsumer,
})
