package mutants

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainTransaction("plain-transaction",
	"Polls, works, produces an output for each record and commits, all in one transaction; a rebalance or a failure aborts it.", nil))

// outputTopic is the side topic of [transactional], by name.
const outputTopic = "output"

// transactional is a small consumer whose effects are its output. The fields of
// [plainTransaction] are the honest ones.
type transactional struct {
	produce func(ctx context.Context, c *kgo.Client, out []*kgo.Record) error // produce writes the output of a transaction
	before  func(ctx context.Context, c *kgo.Client, in []*kgo.Record)        // before comes before the end of a transaction
	second  func(harness.Config) (*kgo.Client, error)                         // second makes a client beside the transactional, nil for none
	other   *kgo.Client                                                       // other is what second made
}

// plainTransaction is the registration of a transactional consumer, honest but
// for what change does, which may be nil.
func plainTransaction(name, doc string, change func(*transactional)) harness.Implementation {
	return harness.Implementation{
		Name: name, Doc: doc, Delivery: harness.ExactlyOnce, Order: harness.OrderNone, Parallelism: workers, Mutant: true,
		Effect: harness.EffectOutput,
		SideTopics: func(harness.Config) []harness.SideTopic {
			return []harness.SideTopic{{Name: outputTopic, Role: harness.RoleOutput}}
		},
		New: func(harness.Config) (harness.Consumer, error) {
			t := &transactional{
				produce: func(ctx context.Context, c *kgo.Client, out []*kgo.Record) error {
					return client.Produce(ctx, c, out...)
				},
				before: func(context.Context, *kgo.Client, []*kgo.Record) {},
			}
			if change != nil {
				change(t)
			}
			return t, nil
		},
	}
}

// Consume implements [harness.Consumer].
func (t *transactional) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	options, err := client.MemberOptions(cfg)
	if err != nil {
		return err
	}
	requests, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	session, err := kgo.NewGroupTransactSession(append(options,
		kgo.WithContext(requests),
		kgo.TransactionalID(cfg.Group+"."+cfg.Pod),
		kgo.TransactionTimeout(longest(cfg)),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)...)
	if err != nil {
		return fmt.Errorf("transactional: %w", err)
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { // a transaction under way has this long to end: a client takes back nothing that it may have sent
		select {
		case <-ctx.Done():
			_ = sleep(requests, cfg.Drain+cfg.Session)
			hangUp()
		case <-requests.Done():
		}
	})
	defer leave(session.Client(), cfg, hangUp)
	if t.second != nil {
		if t.other, err = t.second(cfg); err != nil {
			return err
		}
		defer t.other.Close()
	}
	for ctx.Err() == nil {
		in := session.PollRecords(ctx, cfg.MaxPoll)
		if in.IsClientClosed() {
			return kgo.ErrClientClosed
		}
		if records := in.Records(); len(records) > 0 {
			if err := t.transact(ctx, cfg, session, records, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// longest is how long a transaction may take. It is longer than pauses are: who was
// away when the broker ended it cannot go on.
func longest(cfg harness.Config) time.Duration { return 10 * cfg.Session }

// transact takes records through one transaction. That it was aborted is no
// error: the client has gone back and polls them again.
func (t *transactional) transact(ctx context.Context, cfg harness.Config, session *kgo.GroupTransactSession, in []*kgo.Record, w harness.Work) error {
	if err := session.Begin(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	err := compute(ctx, in, cfg.Workers, w)
	if err == nil {
		var out []*kgo.Record
		for _, r := range in {
			out = append(out, &kgo.Record{Topic: cfg.SideTopics[outputTopic], Key: r.Key, Value: r.Value})
		}
		err = t.produce(ctx, session.Client(), out)
	}
	if err == nil {
		t.before(ctx, session.Client(), in)
	}
	// Not under the consumer's context: cut short, its outcome would be unknown. It
	// may take long: kgo sees to it that no rebalance is under way, and one follows
	// the other while pods stand still one after the other.
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest(cfg))
	defer cancel()
	_, err = session.End(within, kgo.TransactionEndTry(err == nil))
	if errors.Is(err, kerr.FencedInstanceID) {
		return nil // by our own client, which joined anew meanwhile; kgo has aborted the transaction
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("end a transaction: %w", err)
	}
	return nil
}

// compute does the work on records, some at a time, until all of it has succeeded.
func compute(ctx context.Context, records []*kgo.Record, workers int, w harness.Work) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	turns := make(chan struct{}, workers)
	for _, r := range records {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			for {
				err := w.Do(ctx, view(r))
				if err == nil {
					return
				}
				if err := sleep(ctx, pause); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed = errors.Join(failed, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return failed
}
