package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-never-commits",
	Doc:         "Never commits. The next owner of a partition begins at its start.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFailIn("steady", oracle.CheckStalledCommit), mustFailIn("join", oracle.CheckStalledCommit, oracle.CheckRedeliveryOutOfOrder, oracle.CheckRedelivery)...),
	New: changeKeyed(func(p *keyedPod) {
		p.Options.Hooks.Offset = func(*group.Assignment) (kgo.EpochOffset, bool) { return kgo.EpochOffset{}, false }
	}),
})
