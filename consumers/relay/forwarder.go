package relay

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Forwarder is what the workers share that copy the records of a source, for a group of
// its own to work on, each to the topic that to says.
type Forwarder struct {
	exclusiveCopiers
	topicOf func(*kgo.Record) string
	owners  perAssignment[*sender]
}

// NewForwarder makes a forwarder of a member of cfg.Group, whose copies the group named
// consumes. topicOf says to which topic a record goes. [Forwarder.Close] must follow.
func NewForwarder(ctx context.Context, cfg harness.Config, group string, topicOf func(*kgo.Record) string) (*Forwarder, error) {
	copiers, err := newExclusiveCopiers(ctx, cfg, group)
	if err != nil {
		return nil, err
	}
	return &Forwarder{exclusiveCopiers: copiers, topicOf: topicOf}, nil
}

// Source is the consumer of the source, which copies all there is.
func (f *Forwarder) Source() pool.Sharded {
	return pool.Sharded{Shard: pool.ByPartition, Batch: MaxCopyBatch, NewWorker: func(m *group.Member, _ harness.Work) func([]group.Task) {
		return (&forwardWorker{forwarder: f, member: m}).copyBatch
	}}
}

// Close waits for what the assignments had, all of which must have ended.
func (f *Forwarder) Close() {
	f.owners.waitClosed()
	f.queries.Close()
}

// Send copies records as the owner of a's partition, in one transaction. After an error
// all of them may have been copied, or none, and no more can be under this assignment.
func (f *Forwarder) Send(ctx context.Context, a *group.Assignment, records []*kgo.Record) error {
	return f.senderOf(a).sendRecords(ctx, f, a, records)
}

// senderOf is what there is for an assignment.
func (f *Forwarder) senderOf(a *group.Assignment) *sender {
	return f.owners.get(a, func() *sender { return &sender{lock: make(chan struct{}, 1)} })
}

// forwardWorker is a worker that copies.
type forwardWorker struct {
	forwarder *Forwarder
	member    *group.Member
	records   []*kgo.Record
}

// copyBatch copies the records of a batch, those of one assignment in one transaction.
func (f *forwardWorker) copyBatch(batch []group.Task) {
	pool.EachRun(batch, func(a, b group.Task) bool { return a.Assignment == b.Assignment }, func(tasks []group.Task) {
		a := tasks[0].Assignment
		if a.Context().Err() != nil {
			return // its sender is closed, or will be
		}
		f.records = CopyBatch(f.member.Fence(), tasks, f.records, func(_ context.Context, records []*kgo.Record) error {
			err := f.forwarder.Send(a.Context(), a, records)
			if err != nil && a.Context().Err() == nil {
				a.Halt()
				f.member.Stop()
			}
			return err
		})
	})
}

// sender has the right to copy under one assignment.
type sender struct {
	lock   chan struct{} // lock is a lock, which is held over the network
	copies *Copier       // copies is nil before the first
}

// close is for the end of the assignment, whose context ends what is under way.
func (s *sender) close() {
	s.lock <- struct{}{}
	if s.copies != nil {
		s.copies.Close()
	}
}

// sendRecords has all of the records copied, or an error says that they may be, and that no more can.
func (s *sender) sendRecords(ctx context.Context, f *Forwarder, a *group.Assignment, records []*kgo.Record) (err error) {
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.lock }()
	for s.copies == nil {
		if s.copies, err = f.openCopier(ctx, a); err == nil {
			break
		}
		if err := client.PauseRetry(ctx, err); err != nil {
			return err
		}
	}
	_, err = s.copies.copyInTransaction(ctx, f.topicOf, records)
	return err
}
