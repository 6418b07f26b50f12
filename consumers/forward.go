package consumers

import (
	"context"
	"fmt"
	"strconv"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "forward",
	Doc: "Copies what it takes to a topic with several times as many partitions, hundreds of records in a transaction, and a group of its own works that off " +
		"by key. It empties the source at once and gets a backlog of few partitions to more pods than could share it there. " +
		"Only who has a partition can copy its records: the broker keeps out who had it, by the transactions.",
	Use: "A backlog in a topic of too few partitions, on the day itself, with more pods at hand. Not for good: each record is stored, sent and fetched twice, " +
		"and a source with enough partitions does without.",
	Bound: "W / service time in all, 1 / service time for one key, and as many pods as the wide topic has partitions. What is copied is bounded by the broker: " +
		"a window of each partition in the time of a transaction. A pod holds up to two windows, and a client for each partition of the source.",
	Crash: "As keyed in the wide topic; and what was copied and not yet committed in the source is copied again, and so worked on twice. A transaction cut short " +
		"holds up what was copied behind it until its partition has a new owner.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Side: func(cfg harness.Config) []harness.SideTopic {
		times, _ := width(cfg.Knobs["width"]) // New returns the error
		return []harness.SideTopic{{Name: wideTopic, Role: harness.RoleWide, Times: times}}
	},
	Knobs: []harness.Knob{{
		Name: "width", Default: "4", Doc: "partitions of the wide topic, in multiples of the source's",
		Check: func(v string) error { _, err := width(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		_, err := width(cfg.Knobs["width"])
		return forward{}, err
	},
})

const wideTopic = "wide"

func width(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 100 {
		return 0, fmt.Errorf("%q is not a multiple from 1 to 100", v)
	}
	return n, nil
}

// forward is a member of the source's group that copies, and one of the wide topic's that
// works. A partition of the source is copied in order and by its owner alone, and all
// records of a key go to one partition of the wide topic, so that the first copies of a key
// lie there in order, whoever made them: who begins at a commit of the source copies again
// what lies behind, in order.
//
// A copy that is made late, by who stood still, would be worked on once more than anything
// explains, so nobody can make one (see [claims]). And of a transaction that failed the end
// is in doubt: to make it again would be to repeat it for no reason that anybody sees.
// The member leaves, and another begins at the commit.
type forward struct{}

// Consume implements [harness.Consumer].
func (forward) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	wide := cfg
	wide.Topic, wide.Group = cfg.Side[wideTopic], cfg.Group+"."+wideTopic
	claims, err := newClaims(ctx, cfg, wide.Group)
	if err != nil {
		return err
	}
	f := &forwarding{claims: claims, topic: wide.Topic}
	defer f.close()
	source := sharded{shard: byPartition, batch: carryBatch, turns: func(m *member, _ harness.Work) func(task, []task) {
		return (&forwarder{of: f, member: m}).run
	}}
	copies := sharded{shard: byKey(), batch: 1, how: intake{committed: true}}
	return together(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return copies.Consume(ctx, wide, work) },
	)
}

// forwarding is what the workers that copy share.
type forwarding struct {
	claims
	topic  string
	owners holders[*sender]
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
	_, err = s.copies.transact(ctx, f.topic, records)
	return err
}
