package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in spring-projects/spring-kafka 2968.
var _ = harness.Register(harness.Implementation{
	Name:     "mutant-dead-letters-again",
	Doc:      "Goes on with what remains of a poll after a dead letter, and the dead record is the first of that. It fails again and becomes a second dead letter.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderPartition,
	Mutant:   true,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: deadTopic, Role: harness.RoleDeadLetter}}
	},
	DeadLetters: func(harness.Config) harness.DeadLetterPolicy { return harness.DeadLetterPolicy{Attempts: 1} },
	MustFail:    append(mustFailIn("poison", oracle.CheckConflictingOutcomes), mustFailIn("poison-pills", oracle.CheckConflictingOutcomes)...),
	MayFail:     afterRebalance,
	New:         func(harness.Config) (harness.Consumer, error) { return deadAgain{}, nil },
})

type deadAgain struct{}

// Consume implements [harness.Consumer].
func (deadAgain) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	copier, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copier.Close()
	return polls{func(p *pollingPod) {
		p.step = func(_ *group.Member, work harness.Work, tasks []group.Task) {
			for _, t := range tasks {
				workOrDeadLetter(work, copier, cfg.SideTopics[deadTopic], t)
			}
		}
	}}.Consume(ctx, cfg, w)
}

// workOrDeadLetter makes a dead letter of a record that fails, at both times that it is tried.
func workOrDeadLetter(work harness.Work, copier *relay.Copier, dead string, t group.Task) {
	if !t.Start() {
		return
	}
	ctx, r := t.Assignment.Context(), viewRecord(t.Record)
	err := work.Do(ctx, r)
	for range 2 {
		if err != nil && ctx.Err() == nil {
			err = copier.Copy(ctx, dead, r, relay.FailureHeader(r, err))
			if err == nil {
				err = work.Do(ctx, r)
			}
		}
	}
	t.Finish(ctx.Err() == nil)
}
