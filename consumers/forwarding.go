package consumers

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// forwarding is what the workers share that copy the records of a source, for a group of
// its own to work on, each to the topic that to says.
type forwarding struct {
	claims
	to     func(*kgo.Record) string
	owners holders[*sender]
}

// source is the consumer of the source, which copies all there is.
func (f *forwarding) source() sharded {
	return sharded{shard: byPartition, batch: carryBatch, turns: func(m *member, _ harness.Work) func(task, []task) {
		return (&forwarder{of: f, member: m}).run
	}}
}

// close waits for what the assignments had, all of which must have ended.
func (f *forwarding) close() {
	f.owners.wait()
	f.asks.close()
}

// of is what there is for an assignment.
func (f *forwarding) of(a *assignment) *sender {
	return f.owners.of(a, func() *sender { return &sender{turn: make(chan struct{}, 1)} })
}

// forwarder is a worker that copies.
type forwarder struct {
	of      *forwarding
	member  *member
	turn    []task
	records []*kgo.Record
}

// run copies the records of a turn, those of one assignment in one transaction.
func (f *forwarder) run(first task, more []task) {
	f.turn = append(append(f.turn[:0], first), more...)
	runs(f.turn, func(a, b task) bool { return a.from == b.from }, func(tasks []task) {
		a, partition := tasks[0].from, tasks[0].record.Partition
		if a.ctx.Err() != nil {
			return // its sender is closed, or will be
		}
		s := f.of.of(a)
		f.records = carry(&f.member.fence, tasks, f.records, func(_ context.Context, records []*kgo.Record) error {
			err := s.send(a.ctx, f.of, a, partition, records)
			if err != nil && a.ctx.Err() == nil {
				a.halt()
				f.member.stop()
			}
			return err
		})
	})
	clear(f.turn)
}

// sender has the right to copy under one assignment.
type sender struct {
	turn   chan struct{} // turn is a lock, which is held over the network
	copies *copier       // copies is nil before the first
}

// close is for the end of the assignment, whose context ends what is under way.
func (s *sender) close() {
	s.turn <- struct{}{}
	if s.copies != nil {
		s.copies.close()
	}
}

// send has all of the records copied, or an error says that they may be, and that no more can.
func (s *sender) send(ctx context.Context, f *forwarding, a *assignment, partition int32, records []*kgo.Record) (err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	for s.copies == nil {
		if s.copies, err = f.claim(ctx, a, partition); err == nil {
			break
		}
		if err := pauseIn(ctx, err); err != nil {
			return err
		}
	}
	_, err = s.copies.transact(ctx, f.to, records)
	return err
}
