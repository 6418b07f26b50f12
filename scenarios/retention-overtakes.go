package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// A burst leaves a backlog of some 8,000 records. While the pods work on it, retention deletes
// the backlog of one pod up to the last five records of each partition. The broker answers
// that pod OFFSET_OUT_OF_RANGE. A good consumer goes on at the start of the log: it completes
// what is left and all that comes later. What was deleted unread is overtaken, not lost by it.
// A consumer that ends there, as in IBM/sarama #2682, stalls. Share groups are skipped. One record at a time takes most of the drain.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "retention-overtakes",
	Doc:  "Does a consumer go on where the log begins after retention has deleted its backlog?",
	Load: harness.Load{
		Pacer: load.Step{Base: 150, Burst: 4000, After: 4 * time.Second, Length: 2 * time.Second, For: 20 * time.Second},
		Keys:  load.Uniform{N: 1000},
	},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 6,
	Pods:       3,
	Workers:    4,
	Window:     100,
	Commit:     500 * time.Millisecond,
	Warmup:     2 * time.Second,
	Drain:      60 * time.Second,
	Injections: []harness.Injection{{Fault: fault.DeleteRecords{}, At: 6500 * time.Millisecond, HealAfter: 3 * time.Second}},
	Consumers:  []string{"keyed", "keyed@848"},
	Extra:      true,
})
