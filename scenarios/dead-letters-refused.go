package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Two records in a hundred can never be worked on. Twice the brokers refuse for three seconds what pods
// send, as where followers are missing. During the second time a pod is asked to leave. A
// record whose dead letter is not acknowledged is not completed: a good consumer sends it again, or leaves
// the record to the next owner. Bug reports have consumers that log the error of the send and commit the
// record (spring-projects/spring-kafka before 2.7). Others commit while the letter is still in a buffer
// (yaalalabs/agent-kernel #630). poison-pills asks the same while all sends succeed.
// A consumer without a dead-letter topic stops behind the first of these records by definition.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "dead-letters-refused",
	Doc:        "Does a consumer lose records that it cannot work on while their dead letters are refused?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 22 * time.Second}, Keys: load.Uniform{N: 100}},
	Service:    load.Fixed(5 * time.Millisecond),
	Failures:   harness.Failures{Poison: 0.02},
	Partitions: 12,
	Pods:       3,
	Workers:    8,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.RefuseRequests{Key: fault.Produce, Code: fault.NotEnoughReplicas}, At: 8 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.RefuseRequests{Key: fault.Produce, Code: fault.NotEnoughReplicas}, At: 14 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.LeavePod{}, At: 15 * time.Second, HealAfter: 3 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"retry-dlq"},
})
