package mutants

import (
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-overlaps-partition",
	Doc:         "Promises order by partition, and begins a record a little after the record before it, not when that is completed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: func(cfg harness.Config) int { return cfg.Window },
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckOverlap),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckPartitionInversion, Why: "of two records that begin almost at once, the later may be completed first"},
	},
	New: changeKeyed(func(p *keyedPod) {
		p.cfg.Workers = p.cfg.Window
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			return spacedWorkers{pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(group.Task) { return pool.NewWorker(work).Run })}
		}
	}),
})

// spacedWorkers begin records, each key in order, a millisecond apart.
type spacedWorkers struct{ *pool.Scheduler[group.Task] }

// Submit implements [pool.Workers].
func (s spacedWorkers) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	for _, t := range tasks {
		s.Scheduler.Submit([]group.Task{t}, shard)
		time.Sleep(time.Millisecond)
	}
}
