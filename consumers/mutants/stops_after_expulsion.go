package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-stops-after-expulsion",
	Doc:         "Once the group has expelled it, it leaves and idles until it is stopped. The other pods have to do its work.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("long-after-a-pause", oracle.CheckPodLiveness),
	MayFail:     append([]harness.Allowance{{Check: oracle.CheckUnfencedWork, Why: "its work at the end of the pause is that of a member expelled long ago"}}, afterRebalance...),
	New:         func(harness.Config) (harness.Consumer, error) { return dropout{}, nil },
})

type dropout struct{}

// Consume implements [harness.Consumer].
func (dropout) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	joined, leave := context.WithCancel(ctx)
	defer leave()
	err := changedKeyed{func(p *keyedPod) {
		p.Options.Hooks.Lose = func(m *group.Member, ending group.Assignments) {
			m.Drop(ending)
			leave()
		}
	}}.Consume(joined, cfg, w)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
