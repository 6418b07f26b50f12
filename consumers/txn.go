package consumers

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "txn",
	Doc: "Consumes, transforms and produces in transactions: takes a batch, works on its keys in parallel and on each in order, appends an output for each record, and " +
		"commits outputs and offsets together. Who reads what is committed sees each output once. The work itself may be repeated, so it must have no effect of its own.",
	Use:   "From Kafka to Kafka. Not where the work writes elsewhere, nor where outputs are wanted at once: they come by the batch, and a batch waits for its slowest key.",
	Bound: "W / service time while batches have records of enough keys; a batch takes as long as its busiest key, and the commit of a transaction.",
	Crash: "No output is lost or repeated. The batch in hand is worked on again, its partitions wait for the session to end, and who reads what is committed waits " +
		"until the transaction is ended.",
	Delivery:    harness.ExactlyOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Effect:      harness.EffectOutput,
	Side: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: outputTopic, Role: harness.RoleOutput}}
	},
	New: func(harness.Config) (harness.Consumer, error) { return txn{}, nil },
})

const outputTopic = "output"

type txn struct{}

// transactionPatience is how long a transaction may take, in sessions: longer than pauses
// are, since who was away when the broker ended it cannot go on.
const transactionPatience = 10

// Consume implements [harness.Consumer].
func (txn) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	options, err := MemberOptions(cfg)
	if err != nil {
		return err
	}
	working, cancel := outlast(ctx, cfg.Drain)
	defer cancel()
	requests, hangUp := outlast(ctx, cfg.Drain+cfg.Session) // a client takes back nothing that it may have sent
	defer hangUp()
	session, err := kgo.NewGroupTransactSession(append(options,
		kgo.WithContext(requests),
		kgo.TransactionalID(cfg.Group+"."+cfg.Pod),
		kgo.TransactionTimeout(transactionPatience*cfg.Session),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	defer func() {
		within, cancel := context.WithTimeout(requests, cfg.Session/2)
		defer cancel()
		Leave(within, session.Client(), hangUp)
	}()
	for ctx.Err() == nil {
		in := session.PollRecords(ctx, min(cfg.MaxPoll, cfg.Window))
		if err := fatal(in); err != nil && ctx.Err() == nil {
			return err
		}
		if records := in.Records(); len(records) > 0 {
			if err := transact(working, cfg, session, records, work); err != nil {
				return err
			}
		}
	}
	return nil
}

// transact takes records through one transaction. That it was aborted is no error: the
// client has gone back to the commit and polls them again.
func transact(ctx context.Context, cfg harness.Config, session *kgo.GroupTransactSession, in []*kgo.Record, work harness.Work) error {
	if err := session.Begin(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	err := transform(ctx, cfg.Workers, in, work)
	if err == nil {
		out := make([]*kgo.Record, len(in))
		for i, r := range in {
			out[i] = &kgo.Record{Topic: cfg.Side[outputTopic], Key: r.Key, Value: r.Value, Headers: r.Headers}
		}
		err = Produce(ctx, session.Client(), out...)
	}
	// Not under the consumer's context: cut short, its outcome would be open. Kgo waits in
	// there until no rebalance is under way, and one may follow the other.
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionPatience*cfg.Session)
	defer cancel()
	_, err = session.End(within, kgo.TransactionEndTry(err == nil))
	if err == nil || ctx.Err() != nil || errors.Is(err, kerr.FencedInstanceID) { // fenced by its own client, which joined anew
		return nil
	}
	return fmt.Errorf("end a transaction: %w", err)
}

// transform works on the keys of a batch in parallel, and on the records of each in order,
// until all have succeeded or ctx has ended.
func transform(ctx context.Context, workers int, records []*kgo.Record, work harness.Work) error {
	var keys [][]*kgo.Record
	place := map[string]int{}
	for _, r := range records {
		k, known := place[string(r.Key)]
		if !known || r.Key == nil {
			k = len(keys)
			keys = append(keys, nil)
			place[string(r.Key)] = k
		}
		keys[k] = append(keys[k], r)
	}
	var running sync.WaitGroup
	next := make(chan []*kgo.Record)
	for range min(workers, len(keys)) {
		running.Go(func() {
			var record harness.Record
			for of := range next {
				for _, r := range of {
					fill(&record, r)
					if retry(ctx, work, &record) != nil {
						break // ctx has ended
					}
				}
			}
		})
	}
	for _, of := range keys {
		next <- of
	}
	close(next)
	running.Wait()
	return ctx.Err()
}
