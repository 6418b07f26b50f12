package mutants

import (
	"sync/atomic"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in tulios/kafkajs 267.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-no-more",
	Doc:         "Works on after a commit has failed, and never commits again: the thread that commits has ended.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    append(mustFailIn("commit-refused", oracle.CheckStalledCommit), mustFailIn("coordinator-loss", oracle.CheckStalledCommit)...),
	MayFail:     append([]harness.Allowance{{Check: oracle.CheckUnfencedWork, Why: "a coordinator that stood still has expelled members that do not know it"}}, afterRebalance...),
	New: changeKeyed(func(p *keyedPod) {
		var ended atomic.Bool
		p.Options.Hooks.Committed = func(_ *group.Member, err error) {
			if err != nil {
				ended.Store(true)
			}
		}
		p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
			next, ok := a.Uncommitted()
			return next, ok && !ended.Load()
		}
	}),
})
