package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// topicAdmin changes the source topic for faults. It implements [harness.TopicAdmin].
type topicAdmin struct{ setup *setup }

func (a topicAdmin) Offsets(ctx context.Context) (starts, ends []int64, err error) {
	return a.setup.client.Offsets(ctx)
}

func (a topicAdmin) TopicID(ctx context.Context) ([16]byte, error) {
	return a.setup.client.TopicID(ctx)
}

// DeleteRecords reads the records before it deletes them, so that the judge knows them.
func (a topicAdmin) DeleteRecords(ctx context.Context, below map[int32]int64) error {
	s := a.setup
	s.logChanged.Store(true)
	if err := s.source.ReadBelow(ctx, below); err != nil {
		return fmt.Errorf("read the records that are to be deleted: %w", err)
	}
	// The fact comes first: a member may have been told before the broker answers here.
	for p, start := range below {
		trimmed := ledger.NewSlot(ledger.KindTrimmed, 0).With(ledger.OutcomeConfirmed)
		trimmed.Partition = p
		trimmed.SetTrimmed(start, s.clock.Now())
		s.watcher.Record(trimmed)
	}
	return s.client.DeleteRecords(ctx, below)
}

// WatchElections remembers the leader epochs. A new leader says where its log parts from them.
func (a topicAdmin) WatchElections(ctx context.Context) (note func(context.Context) error, err error) {
	s := a.setup
	before, _, err := s.client.LeaderEpochs(ctx)
	if err != nil {
		return nil, err
	}
	began := s.clock.Now()
	return func(ctx context.Context) error {
		ends, err := s.client.EpochEnds(ctx, before)
		if err != nil {
			return err
		}
		elected := s.clock.Now()
		for p, end := range ends {
			s.incidents.recordTruncation(oracle.Truncation{
				Partition: int32(p), From: end, Began: time.Duration(began), Elected: time.Duration(elected),
			})
		}
		return nil
	}, nil
}

// AddPartitions adds partitions and lets the producer ask for them.
func (a topicAdmin) AddPartitions(ctx context.Context, n int) error {
	s := a.setup
	s.logChanged.Store(true)
	before, _, err := s.client.Offsets(ctx)
	if err != nil {
		return err
	}
	at := s.clock.Now()
	if err := s.client.AddPartitions(ctx, n); err != nil {
		return err
	}
	if placer, ok := s.cluster.(harness.LeaderPlacer); ok {
		if err := placer.PartitionsAdded(ctx, s.cfg.Topic, int32(len(before))); err != nil {
			return err
		}
	}
	for p := range n {
		added := ledger.NewSlot(ledger.KindAdded, 0).With(ledger.OutcomeConfirmed)
		added.Partition = int32(len(before) + p)
		added.SetAt(at)
		s.watcher.Record(added)
	}
	s.producer.UseAddedPartitions()
	return nil
}

// RecreateTopic reads the whole topic before it deletes it, so that the judge knows what was in it.
// To the ledger all of that is deleted, and the partitions of the new topic are added ones.
func (a topicAdmin) RecreateTopic(ctx context.Context) error {
	s := a.setup
	s.logChanged.Store(true)
	if err := s.producer.LeaveLog(ctx); err != nil {
		return fmt.Errorf("let the producer leave the topic: %w", err)
	}
	if err := s.source.ReadAll(ctx); err != nil {
		return fmt.Errorf("read the topic that is to be deleted: %w", err)
	}
	ends, err := s.client.Ends(ctx, s.topics[0])
	if err != nil {
		return err
	}
	if n := len(ends) / s.Scenario.Partitions; len(ends) != n*s.Scenario.Partitions {
		return fmt.Errorf("the topic was created with %d partitions and has room for %d in the ledger: add no partitions to a topic that is created again", s.Scenario.Partitions, len(ends))
	}
	deleted := s.clock.Now()
	for p, end := range ends {
		if end > 0 {
			trimmed := ledger.NewSlot(ledger.KindTrimmed, 0).With(ledger.OutcomeConfirmed)
			trimmed.Partition = int32(p)
			trimmed.SetTrimmed(end, deleted)
			s.watcher.Record(trimmed)
		}
	}
	if err := s.client.DeleteTopic(ctx); err != nil {
		return err
	}
	gone := s.clock.Now()
	s.client.UseNextLog()
	s.watcher.UseNextLog(deleted, gone)
	if err := s.client.CreateTopic(ctx, s.topics[0]); err != nil {
		return err
	}
	first := s.client.FirstPartition()
	for p := range s.Scenario.Partitions {
		added := ledger.NewSlot(ledger.KindAdded, 0).With(ledger.OutcomeConfirmed)
		added.Partition = int32(first + p)
		added.SetAt(gone)
		s.watcher.Record(added)
	}
	return s.producer.Start(ctx)
}

// groupAdmin changes the run's group for faults. It implements [harness.GroupAdmin].
type groupAdmin struct{ setup *setup }

func (a groupAdmin) Commits(ctx context.Context) ([]int64, error) {
	return a.setup.client.Commits(ctx, a.setup.Scenario.FinalPartitions())
}

func (a groupAdmin) Members(ctx context.Context) ([]harness.Member, error) {
	return a.setup.client.Members(ctx)
}

// DeleteGroup deletes the group. Its commits count as gone from when that was asked for, as
// the group has no member that could commit.
func (a groupAdmin) DeleteGroup(ctx context.Context) error {
	s := a.setup
	at := s.clock.Now()
	if err := s.client.DeleteGroup(ctx); err != nil {
		return err
	}
	expired := ledger.NewSlot(ledger.KindExpired, 0).With(ledger.OutcomeConfirmed)
	expired.Partition = -1
	expired.SetExpired(0, at)
	s.watcher.Record(expired)
	return nil
}
