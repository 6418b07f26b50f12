package mutants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "plain-once",
	Doc:         "Claims at most once: commits what it has polled, and then tries each record once. What it cannot commit it leaves alone.",
	Delivery:    harness.AtMostOnce,
	Order:       harness.OrderNone,
	Parallelism: workers,
	Mutant:      true,
	New:         func(harness.Config) (harness.Consumer, error) { return plainOnce{}, nil },
})

// plainOnce is a member of [queues] that neither queues nor commits on a clock.
type plainOnce struct{}

// Consume implements [harness.Consumer]: one membership after the other, as queues do.
func (plainOnce) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	for {
		if err := onceOver(ctx, cfg, w); !errors.Is(err, group.ErrRejoined) {
			return err
		}
	}
}

func onceOver(ctx context.Context, cfg harness.Config, w harness.Work) error {
	q := plain()
	q.offset = func(*hold) (int64, bool) { return 0, false }
	m, err := join(ctx, cfg, q, w)
	if err != nil {
		return fmt.Errorf("once: %w", err)
	}
	defer m.leave()
	for m.polls.Err() == nil {
		fetches := m.client.PollRecords(m.polls, cfg.Workers)
		if fetches.IsClientClosed() {
			return kgo.ErrClientClosed
		}
		m.tryOnce(fetches.Records())
		m.client.AllowRebalance()
	}
	if ctx.Err() == nil {
		return group.ErrRejoined
	}
	return nil
}

// tryOnce commits records and tries each once, if the group took the commit. It asks again
// while it does not know: what was committed all the same would be lost for nothing.
func (m *member) tryOnce(batch []*kgo.Record) {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for _, r := range batch {
		if offsets[r.Topic] == nil {
			offsets[r.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[r.Topic][r.Partition] = kgo.EpochOffset{Epoch: -1, Offset: r.Offset + 1}
	}
	id, _ := m.client.GroupMetadata()
	for {
		err := m.commit(group.CommitAs(m.ctx, id), offsets)
		if err == nil {
			break
		}
		if isGone(err) || sleep(m.polls, pause) != nil {
			return
		}
	}
	var under sync.WaitGroup
	for _, r := range batch {
		under.Go(func() { _ = m.work.Do(m.ctx, view(r)) })
	}
	under.Wait()
}

// isGone reports whether a commit failed since the member is none any more.
func isGone(err error) bool {
	gone := []error{group.ErrRejoined, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.FencedMemberEpoch}
	return slices.ContainsFunc(gone, func(g error) bool { return errors.Is(err, g) })
}
