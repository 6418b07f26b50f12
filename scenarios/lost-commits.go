package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// For four seconds each answer to a commit is lost, some eight commits of each
// pod and their tries. What they committed holds all the same.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "lost-commits",
	Doc: "Does a consumer take a commit for failed that was made? The broker carries out commits and the connection breaks before its answer: " +
		"the work must not be done again.",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 16 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{{Fault: fault.LoseAnswers{Key: fault.OffsetCommit}, At: 8 * time.Second, HealAfter: 4 * time.Second}},
	Extra:      true,
	Consumers:  first,
})
