package mutants

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/txn"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainTransaction("plain-transaction",
	"Polls, works, produces an output for each record and commits, all in one transaction. A rebalance or a failure aborts it.", nil))

// outputTopic is the side topic of [transactional], by name.
const outputTopic = "output"

// transactional is a consumer whose effects are its outputs. The steps of
// [plainTransaction] are the honest ones.
type transactional struct {
	// outsideClient makes a client in addition to that of the session; nil is none.
	outsideClient func(harness.Config) (*kgo.Client, error)

	// write gets the outputs of a batch when its work is done, and returns those that the
	// transaction has to contain.
	write func(ctx context.Context, clients txnClients, in, outputs []*kgo.Record) ([]*kgo.Record, error)
}

// txnClients are the clients of a pod.
type txnClients struct{ session, outside *kgo.Client }

// plainTransaction is the registration of a transactional consumer. It is honest but for
// what change does; nil changes nothing.
func plainTransaction(name, doc string, change func(*transactional)) harness.Implementation {
	return harness.Implementation{
		Name: name, Doc: doc, Delivery: harness.ExactlyOnce, Order: harness.OrderNone, Parallelism: allWorkers, Mutant: true,
		Effect: harness.EffectOutput,
		SideTopics: func(harness.Config) []harness.SideTopic {
			return []harness.SideTopic{{Name: outputTopic, Role: harness.RoleOutput}}
		},
		New: func(harness.Config) (harness.Consumer, error) {
			t := &transactional{write: func(_ context.Context, _ txnClients, _, outputs []*kgo.Record) ([]*kgo.Record, error) {
				return outputs, nil
			}}
			if change != nil {
				change(t)
			}
			return t, nil
		},
	}
}

// Consume implements [harness.Consumer]: one session after another, until an error that a
// new session would get too.
func (t *transactional) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	var clients txnClients
	if t.outsideClient != nil {
		outside, err := t.outsideClient(cfg)
		if err != nil {
			return err
		}
		defer outside.Close()
		clients.outside = outside
	}
	for {
		err := group.RunMemberships(func() error { return t.runSession(ctx, cfg, clients, w) })
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, txn.ErrBroken):
			return err
		}
		client.LogFailure(cfg, "session", err)
		if client.PauseRetry(ctx, err) != nil {
			return nil
		}
	}
}

func (t *transactional) runSession(ctx context.Context, cfg harness.Config, clients txnClients, w harness.Work) error {
	if ctx.Err() != nil {
		return nil
	}
	s, err := txn.Join(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Leave()
	clients.session = s.Client()
	work := s.Fence().Wrap(w)
	for {
		in, err := s.Poll(cfg.MaxPoll)
		if err != nil {
			return err
		}
		if len(in) == 0 {
			continue
		}
		err = s.Transact(func(ctx context.Context) ([]*kgo.Record, bool) {
			if !workOnBatch(ctx, cfg.Workers, in, work) {
				return nil, false
			}
			var outputs []*kgo.Record
			for _, r := range in {
				outputs = append(outputs, &kgo.Record{Topic: cfg.SideTopics[outputTopic], Key: r.Key, Value: r.Value})
			}
			outputs, err := t.write(ctx, clients, in, outputs)
			return outputs, err == nil
		})
		if err != nil {
			return err
		}
	}
}

// workOnBatch works on records, some at a time, and reports whether all are done.
func workOnBatch(ctx context.Context, workers int, records []*kgo.Record, w harness.Work) bool {
	var working sync.WaitGroup
	var failed atomic.Bool
	slots := make(chan struct{}, workers)
	for _, r := range records {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			if pool.Retry(ctx, w, viewRecord(r)) != nil {
				failed.Store(true)
			}
		})
	}
	working.Wait()
	return !failed.Load()
}
