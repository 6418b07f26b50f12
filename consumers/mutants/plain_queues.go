package mutants

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "plain-queues",
	Doc:         "A queue a worker, a key always in the same, the low watermark committed on a clock, and on revoke a drain and a last commit.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	New:         made(nil),
})

// queues is a small consumer whose every step a mutant can take differently;
// the fields of [plain] are the honest ones.
type queues struct {
	options []kgo.Opt // options of the client beside those of every member
	batch   int       // batch is how many records of a queue a worker takes at a time

	fence     func(m *member, w harness.Work) harness.Work       // fence holds work back that a member who stood still must not begin
	assign    func(m *member, p place) *hold                     // assign makes the hold of a partition just given
	submit    func(m *member, t task)                            // submit puts a record into its queue
	skip      func(m *member, t task)                            // skip is for a record whose turn comes after its hold has ended
	run       func(m *member, batch []task)                      // run works on records whose turn it is, and passes each
	offset    func(h *hold) (offset int64, ok bool)              // offset is what to commit
	committed func(m *member, err error)                         // committed is told of every commit on the clock
	revoke    func(m *member, taken map[place]*hold)             // revoke settles holds that the group takes back
	lost      func(m *member, taken map[place]*hold)             // lost is for holds of a member that was expelled
	do        func(ctx context.Context, m *member, t task) error // do is the work on a record until it is done
}

// plain is honest at every step.
func plain() queues {
	return queues{
		batch:  1,
		fence:  func(m *member, w harness.Work) harness.Work { return m.fence.Wrap(w) },
		assign: func(m *member, _ place) *hold { return newHold(m.ctx) },
		submit: func(m *member, t task) { m.queues[hash(t.Key)%uint32(len(m.queues))] <- t },
		skip:   func(_ *member, t task) { t.of.pass(t.Offset, false) },
		run: func(m *member, batch []task) {
			for _, t := range batch {
				t.of.pass(t.Offset, m.steps.do(t.of.ctx, m, t) == nil)
			}
		},
		offset:    (*hold).low,
		committed: func(*member, error) {}, // the next makes up for one that failed
		revoke:    (*member).settle,
		lost:      (*member).abandon,
		do:        tryOn,
	}
}

// made is a constructor of consumers that are plain but for what change does.
// change is called for each consumer made, so that what it closes over is the
// consumer's own.
func made(change func(*queues)) func(harness.Config) (harness.Consumer, error) {
	return func(harness.Config) (harness.Consumer, error) {
		q := plain()
		if change != nil {
			change(&q)
		}
		return q, nil
	}
}

// pause is between two tries of the work.
const pause = 20 * time.Millisecond

// tryOn tries the work until it succeeds or ctx ends.
func tryOn(ctx context.Context, m *member, t task) error {
	r := view(t.Record)
	for {
		err := m.work.Do(ctx, r)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// sleep waits for d, or returns the error of ctx when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func hash(key []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(key)
	return h.Sum32()
}

// view is the harness's view of a record.
func view(r *kgo.Record) *harness.Record {
	to := &harness.Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value,
		Timestamp: r.Timestamp, Deliveries: int(r.DeliveryCount()),
	}
	for _, h := range r.Headers {
		to.Headers = append(to.Headers, harness.Header{Key: h.Key, Value: h.Value})
	}
	return to
}
