package relay

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Forwarder copies records of a source to side topics, which a group of its own consumes. Only
// the owner of a source partition can copy its records: the broker fences previous owners
// by their transactions. Safe for concurrent use.
type Forwarder struct {
	exclusiveCopiers
	topicOf func(*kgo.Record) string
	senders perAssignment[*sender]
}

// NewForwarder makes a forwarder for members of cfg.Group. consumer is the name of the group
// that consumes the copies; transactional ids begin with it. topicOf names the topic to
// copy a record to. [Forwarder.Close] must follow.
func NewForwarder(ctx context.Context, cfg harness.Config, consumer string, topicOf func(*kgo.Record) string) (*Forwarder, error) {
	copiers, err := newExclusiveCopiers(ctx, cfg, consumer)
	if err != nil {
		return nil, err
	}
	return &Forwarder{exclusiveCopiers: copiers, topicOf: topicOf}, nil
}

// Source is the consumer of the source. It copies every record.
func (f *Forwarder) Source() pool.Sharded {
	return pool.Sharded{Shard: pool.ByPartition, Batch: MaxCopyBatch, NewWorker: func(m *group.Member, _ harness.Work) func([]group.Task) {
		return (&forwardWorker{forwarder: f, member: m}).copyBatch
	}}
}

// Send copies records as the owner of a's partition, in order and in one transaction. After an
// error all of them may have been copied, or none, and this assignment can copy no more.
func (f *Forwarder) Send(ctx context.Context, a *group.Assignment, records []*kgo.Record) error {
	s := f.senders.get(a, func() *sender { return &sender{lock: make(chan struct{}, 1)} })
	return s.sendRecords(ctx, f, a, records)
}

// Close waits until all assignments are cleaned up. All of them must have ended.
func (f *Forwarder) Close() {
	f.senders.waitClosed()
	f.queries.Close()
}

// forwardWorker is a worker that copies.
type forwardWorker struct {
	forwarder *Forwarder
	member    *group.Member
	records   []*kgo.Record
}

// copyBatch copies records, those of one assignment in one transaction. If the outcome of a
// transaction is unknown the membership ends, and the next member starts at the commit:
// retrying could append the copies twice, and no rebalance would explain it.
func (w *forwardWorker) copyBatch(batch []group.Task) {
	pool.EachRun(batch, func(a, b group.Task) bool { return a.Assignment == b.Assignment }, func(tasks []group.Task) {
		a := tasks[0].Assignment
		if a.Context().Err() != nil {
			return // its sender is closed, or will be
		}
		w.records = CopyBatch(w.member.Fence(), tasks, w.records, func(ctx context.Context, records []*kgo.Record) error {
			err := w.forwarder.Send(ctx, a, records)
			if err != nil && ctx.Err() == nil {
				a.Halt()
				w.member.Stop()
			}
			return err
		})
	})
}

// sender copies for one assignment.
type sender struct {
	lock   chan struct{} // lock is full while records are copied; a mutex held that long would stop virtual time
	copier *Copier       // copier is nil before the first copy
}

// close runs when the assignment has ended.
func (s *sender) close() {
	s.lock <- struct{}{}
	if s.copier != nil {
		s.copier.Close()
	}
}

func (s *sender) sendRecords(ctx context.Context, f *Forwarder, a *group.Assignment, records []*kgo.Record) (err error) {
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.lock }()
	for s.copier == nil {
		if s.copier, err = f.openCopier(ctx, a); err == nil {
			break
		}
		if err := client.PauseRetry(ctx, err); err != nil {
			return err
		}
	}
	_, err = s.copier.copyInTransaction(ctx, f.topicOf, records)
	return err
}
