package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in confluentinc/librdkafka 2933.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-never-resumes-fetching",
	Doc:         "Stops fetching when partitions are revoked, commits, and fetches again once the commit has succeeded. If the commit is refused, it never fetches again.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("commit-in-rebalance", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		refused := false
		p.Options.Hooks.Revoke = func(m *group.Member, ending group.Assignments) {
			m.Client().PauseFetchTopics(p.cfg.Topic)
			refused = m.Commit() != nil || refused
			m.Settle(ending)
			if !refused {
				m.Client().ResumeFetchTopics(p.cfg.Topic)
			}
		}
	}),
})
