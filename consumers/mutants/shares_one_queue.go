package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-shares-one-queue",
	Doc:         "All keys of a pod wait in one queue. A key whose work fails holds up all others.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("sick-key", oracle.CheckBlastRadius),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckStarvation, Why: "the keys behind the sick one wait, however short their work is"},
		{Check: oracle.CheckOverload, Why: "one worker a pod is not enough for the load"},
	},
	New: changeKeyed(func(p *keyedPod) {
		p.Shard = func(*kgo.Record) uint64 { return 0 }
	}),
})
