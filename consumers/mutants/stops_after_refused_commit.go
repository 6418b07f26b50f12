package mutants

import (
	"errors"
	"sync/atomic"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kerr"
)

// As in line/decaton 201.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-stops-after-refused-commit",
	Doc:         "Ends the thread that works when a commit is answered with REBALANCE_IN_PROGRESS. The process lives, and its heartbeats keep its partitions.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("commit-in-rebalance", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		var stopped atomic.Bool
		p.Options.Hooks.Committed = func(_ *group.Member, err error) {
			if errors.Is(err, kerr.RebalanceInProgress) {
				p.cfg.Logger().Error("the working thread ends")
				stopped.Store(true)
			}
		}
		p.NewWorker = workUnless(&stopped)
	}),
})

// workUnless is the honest worker until a flag is set. Then records stay outstanding.
func workUnless(stopped *atomic.Bool) func(*group.Member, harness.Work) func([]group.Task) {
	return func(_ *group.Member, work harness.Work) func([]group.Task) {
		honest := pool.NewWorker(work)
		return func(batch []group.Task) {
			for _, t := range batch {
				if !stopped.Load() {
					honest.Run(t)
				}
			}
		}
	}
}
