package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The topic is deleted and created again under its name, as by a script of operations or a
// rebuild of an environment. All pods go on running. The new log begins at offset 0, far below
// the positions that the pods have in the old one. The broker answers them UNKNOWN_TOPIC_ID
// (KIP-516), and forgets the group's commits. A good consumer completes all records of the new
// topic. What it had not completed of the old one is gone, and counts as overtaken. A consumer
// that waits for the topic that it knew stalls.
//
// txn and share pass on models of Kafka. Kafka 4.3.1 keeps the commits of a transaction by the
// name of the topic. A transaction that ends after the deletion commits its offset for the new
// log, and txn fails premature commit and transaction atomicity. A share group completed nothing
// of the new log, after UNKNOWN_SERVER_ERROR for its acknowledgements. So neither is named.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "topic-recreated",
	Doc:        "Does a consumer complete all records of a topic that was deleted and created again while it ran?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 150, For: 24 * time.Second}, Keys: load.Uniform{N: 400}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 6,
	Pods:       3,
	Workers:    4,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Injections: []harness.Injection{
		{Fault: fault.RecreateTopic{}, At: 10 * time.Second, HealAfter: 5 * time.Second},
	},
	Extra:     true,
	Consumers: []string{"keyed", "keyed@848"},
})
