package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-unfenced",
	Doc:         "Has no fence. After it stood still for longer than its session timeout, it begins records before it learns that it was expelled.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("pause", oracle.CheckUnfencedWork),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		p.NewWorker = func(*group.Member, harness.Work) func([]group.Task) { return pool.NewWorker(p.work).RunBatch }
	}),
})
