package mutants

import (
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in vectordotdev/vector 24543.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-gives-up-failed",
	Doc:         "Does not acknowledge a record whose work failed, and reads on. The next acknowledged record is committed, and so is the failed one before it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("failing-work", oracle.CheckLoss, oracle.CheckPrematureCommit),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckStall, Why: "no commit passes a record that it gave up at the end of a partition"},
	}, afterRebalance...),
	New: func(harness.Config) (harness.Consumer, error) {
		return changedKeyed{func(p *keyedPod) {
			p.Shard = pool.ByRecord()
			p.cfg.Window = 1 << 16 // records that are given up stay in the window
			p.Options.Hooks.Offset = commitHighest
			p.NewWorker = func(_ *group.Member, work harness.Work) func([]group.Task) {
				return func(batch []group.Task) {
					for _, t := range batch {
						if t.Start() {
							t.Finish(work.Do(t.Assignment.Context(), viewRecord(t.Record)) == nil)
						}
					}
				}
			}
		}}, nil
	},
})

// commitHighest commits past the highest completed record.
func commitHighest(a *group.Assignment) (kgo.EpochOffset, bool) {
	next, ok := a.Highest()
	return kgo.EpochOffset{Epoch: -1, Offset: next}, ok
}
