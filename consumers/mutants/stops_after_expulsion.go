package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-stops-after-expulsion",
	Doc:         "Once the group has expelled it, it takes its leave, and idles until it is told to stop: the others have its work to do for good.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("long-after-a-pause", oracle.CheckPodLiveness),
	MayFail:     append([]harness.Allowance{{Check: oracle.CheckUnfencedWork, Why: "what it has in work when it wakes up is of a member long expelled"}}, moved...),
	New:         func(harness.Config) (harness.Consumer, error) { return dropout{plain()}, nil },
})

type dropout struct{ queues }

// Consume implements [harness.Consumer].
func (d dropout) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	joined, leave := context.WithCancel(ctx)
	defer leave()
	abandon := d.lost
	d.lost = func(m *member, taken map[place]*hold) {
		abandon(m, taken)
		leave()
	}
	if err := d.queues.Consume(joined, cfg, w); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
