package mutants

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "plain-once",
	Doc:         "Claims at most once: commits the records of a poll, and then tries each once. It does not work on records that it cannot commit.",
	Delivery:    harness.AtMostOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Mutant:      true,
	New:         func(harness.Config) (harness.Consumer, error) { return plainOnce{}, nil },
})

type plainOnce struct{}

// Consume implements [harness.Consumer].
func (plainOnce) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return group.RunMemberships(func() error {
		m, err := group.Join(ctx, cfg, group.Options{Hooks: group.Hooks{
			Offset: func(*group.Assignment) (kgo.EpochOffset, bool) { return kgo.EpochOffset{}, false },
		}})
		if err != nil {
			return err
		}
		defer m.Leave(func() {})
		work := m.Fence().Wrap(w)
		for {
			room := m.WaitForRoom(ctx)
			if room == 0 {
				return nil
			}
			tasks, err := m.Poll(ctx, min(room, cfg.Workers), nil)
			if err != nil {
				return err
			}
			commitAndTryOnce(ctx, m, work, tasks)
		}
	})
}

// commitAndTryOnce commits records and tries each once, if the group takes the commit. They
// start before the commit, so that a revocation waits for their work.
func commitAndTryOnce(ctx context.Context, m *group.Member, work harness.Work, tasks []group.Task) {
	tasks = slices.DeleteFunc(tasks, func(t group.Task) bool { return !t.Start() })
	committed := commitBefore(ctx, m, tasks)
	var working sync.WaitGroup
	for _, t := range tasks {
		if !committed {
			t.Finish(false)
			continue
		}
		working.Go(func() {
			_ = work.Do(t.Assignment.Context(), viewRecord(t.Record))
			t.Finish(true)
		})
	}
	working.Wait()
}

// commitBefore commits records before the work on them. It commits again while the outcome is
// unknown: a commit that was made after all would lose the records without a fault.
func commitBefore(ctx context.Context, m *group.Member, tasks []group.Task) bool {
	if len(tasks) == 0 {
		return false
	}
	var records []*kgo.Record
	for _, t := range tasks {
		records = append(records, t.Record)
	}
	last := tasks[len(tasks)-1].Assignment
	for {
		err := commitRecordsAs(m, last.MemberID(), records)
		if err == nil {
			return true
		}
		if isExpelled(err) || last.Context().Err() != nil || sleepContext(ctx, shortPause) != nil {
			return false
		}
	}
}

func commitRecordsAs(m *group.Member, id string, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(group.CommitAs(context.Background(), id), m.Config().Session/2)
	defer cancel()
	return m.Client().CommitRecords(ctx, records...)
}

// isExpelled reports whether a commit failed because the group has expelled the member.
func isExpelled(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.FencedInstanceID) || errors.Is(err, kerr.FencedMemberEpoch)
}
