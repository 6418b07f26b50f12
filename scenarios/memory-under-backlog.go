package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// A burst leaves a backlog of large values: 1,200 records of 32 KiB, 13 MiB for each of three
// pods. A pod that works on 4 records at once needs 4 s for its share. A good consumer fetches
// no more than its window, 50 records, and leaves the rest in the log. Its pods need some 40 MiB
// of memory, and may not have more than 64 MiB.
//
// A consumer with a queue without limit keeps the whole backlog in memory, as in
// dbos-inc/dbos-transact-py #760 and confluentinc/librdkafka #1914. It passes every check of
// order and delivery, until its pod has no memory left.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "memory-under-backlog",
	Doc:  "How many large records does a pod keep in memory when its work falls behind?",
	Load: harness.Load{
		Pacer:   load.Step{Base: 30, Burst: 1200, After: 3 * time.Second, Length: time.Second, For: 12 * time.Second},
		Keys:    load.Uniform{N: 1000},
		Payload: 32 << 10,
	},
	Service:    load.Fixed(40 * time.Millisecond),
	Partitions: 6,
	Pods:       3,
	Workers:    4,
	Window:     50,
	MaxPoll:    50,
	Commit:     500 * time.Millisecond,
	Warmup:     time.Second,
	Objectives: "rss-max<=64MiB",
	Consumers:  []string{"keyed", "hashq"},
	Extra:      true,
})
