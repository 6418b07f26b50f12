package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-rehashes",
	Doc:         "Changes the number of its queues again and again. A key then moves to another queue while its records wait in the old one.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("uneven", oracle.CheckOverlap),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckKeyInversion, Why: "of two queues with records of one key, the second may be ahead"},
	},
	New: changeKeyed(func(p *keyedPod) {
		submitted, hash := 0, p.Shard
		p.Shard = func(r *kgo.Record) uint64 {
			queues := uint64(p.cfg.Workers)
			if submitted++; submitted/resizeAfter%2 == 1 {
				queues--
			}
			return hash(r) % queues
		}
	}),
})

// resizeAfter is how many records a pod submits between two changes.
const resizeAfter = 25
