package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in KAFKA-13435.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-ignores-added-partitions",
	Doc:         "Reads only partitions that the topic had at its start. Others are assigned to it, and it never fetches them.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("partitions-added", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		p.NewWorker = func(m *group.Member, work harness.Work) func([]group.Task) {
			m.Client().PauseFetchPartitions(map[string][]int32{p.cfg.Topic: partitionsFrom(p.cfg.Partitions)})
			return pool.NewWorker(work).RunBatch
		}
	}),
})

// partitionsFrom are more partitions than any scenario adds.
func partitionsFrom(first int) (added []int32) {
	for n := range 100 {
		added = append(added, int32(first+n))
	}
	return added
}
