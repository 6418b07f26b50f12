package consumers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var _ = harness.Register(harness.Implementation{
	Name: "txn",
	Doc: "Consumes, transforms and produces in transactions: takes a batch, works on its keys in parallel and on each in order, appends an output for each record, and " +
		"commits outputs and offsets together. Who reads what is committed sees each output once, those of a partition in its order. The work itself may be repeated, " +
		"so it must have no effect of its own. A rebalance that takes partitions away costs the batch in hand, a backlog comes in batches of up to the window, and a record whose " +
		"work fails holds up its pod.",
	Use:   "From Kafka to Kafka. Not where the work writes elsewhere, nor where outputs are wanted at once: they come by the batch, and a batch waits for its slowest key.",
	Bound: "W / service time while batches have records of enough keys; a batch takes as long as its busiest key, and the commit of a transaction.",
	Crash: "No output is lost or repeated. The batch in hand is worked on again, and its partitions wait for the session to end. Who reads what is committed waits for the " +
		"pod to come back or, if its outputs were on their way, for the timeout of the transaction, which is a rebalance and a session long.",
	Delivery:    harness.ExactlyOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Effect:      harness.EffectOutput,
	SideTopics: func(harness.Config) []harness.SideTopic {
		return []harness.SideTopic{{Name: outputTopic, Role: harness.RoleOutput}}
	},
	New: func(harness.Config) (harness.Consumer, error) { return txn{}, nil },
})

const outputTopic = "output"

// errSession says that a session cannot go on, and that a new one may.
var errSession = errors.New("the transactional session is broken")

type txn struct{}

// Consume runs one session after the other, should the broker end one: it has ended
// the transaction of a client that was away, or taken its partitions from it.
func (txn) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	for {
		err := transactions(ctx, cfg, work)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, errSession) && !errors.Is(err, ErrUsurped):
			return err
		}
		if pauseIn(ctx, err) != nil {
			return nil
		}
	}
}

// transactions takes batches until ctx ends or the session is broken.
func transactions(ctx context.Context, cfg harness.Config, work harness.Work) error {
	options, err := MemberOptions(cfg)
	if err != nil {
		return err
	}
	working, cancel := outlast(ctx, cfg.Drain)
	defer cancel()
	requests, hangUp := outlast(ctx, cfg.Drain+cfg.Session) // a client takes back nothing that it may have sent
	defer hangUp()
	t := &transactor{cfg: cfg, working: working, owned: map[partition]string{}}
	t.work = t.fence.Around(work)
	t.polls, t.stop = context.WithCancel(ctx)
	defer t.stop()
	t.session, err = kgo.NewGroupTransactSession(append(options,
		kgo.WithContext(requests),
		kgo.TransactionalID(cfg.Group+"."+cfg.Pod),
		// One is open only while outputs and offsets are on their way, but the offsets
		// wait for a rebalance to end.
		kgo.TransactionTimeout(cfg.Rebalance+cfg.Session),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, given map[string][]int32) { t.assigned(c, given) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, taken map[string][]int32) { t.taken(taken) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, taken map[string][]int32) { t.taken(taken) }),
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	var watching sync.WaitGroup
	watching.Go(t.watch)
	if err = t.settle(); err == nil {
		err = t.run()
	}
	t.stop()
	watching.Wait()
	t.leave(requests, hangUp)
	return err
}

// settle ends what the session before may have left open under our id, by beginning to
// use it: the offsets of a transaction that is open are given to nobody.
func (t *transactor) settle() error {
	within, cancel := context.WithTimeout(t.polls, t.cfg.Rebalance+t.cfg.Session)
	defer cancel()
	if _, _, err := t.session.Client().ProducerID(within); err != nil && t.polls.Err() == nil {
		return endOf("begin to use the transactional id", err)
	}
	return nil
}

// run takes batches until polls ends. A backlog comes in large ones, since workers are
// idle at the end of each, but in none that takes much longer than commits are apart.
func (t *transactor) run() error {
	size := min(t.cfg.MaxPoll, t.cfg.Window)
	for {
		records, err := t.poll(size)
		if t.polls.Err() != nil {
			return ErrUsurped // or told to stop
		}
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		began := time.Now()
		if err := t.transact(records); err != nil {
			return err
		}
		switch took := time.Since(began); {
		case len(records) == size && took < 2*t.cfg.Commit:
			size = min(2*size, t.cfg.Window)
		case took > 4*t.cfg.Commit:
			size = max(size/2, 1)
		}
	}
}

// moreWithin is how long more of a backlog is waited for.
const moreWithin = 10 * time.Millisecond

// poll waits for records and returns up to size of them: those that are there or,
// if there is more than the workers can begin with, as many as come soon.
func (t *transactor) poll(size int) (records []*kgo.Record, err error) {
	fetches := t.session.PollRecords(t.polls, size)
	for {
		more := fetches.Records()
		records, err = append(records, more...), fatal(fetches)
		if err != nil || len(more) == 0 || len(records) < t.cfg.Workers || len(records) == size {
			return records, err
		}
		soon, cancel := context.WithTimeout(t.polls, moreWithin)
		fetches = t.session.PollRecords(soon, size-len(records))
		cancel()
	}
}

// transact takes records through one transaction. That it was aborted is no error: the
// client has gone back to the commit and polls them again.
func (t *transactor) transact(in []*kgo.Record) error {
	if err := t.session.Begin(); err != nil {
		return fmt.Errorf("%w: begin a transaction: %w", errSession, err)
	}
	ctx, cancel := context.WithCancel(t.working)
	defer cancel()
	if !t.transform(ctx, cancel, in) {
		return t.end(false)
	}
	out := make([]*kgo.Record, len(in))
	for i, r := range in {
		out[i] = &kgo.Record{Topic: t.cfg.SideTopics[outputTopic], Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	err := Produce(ctx, t.session.Client(), out...)
	if err == nil {
		return t.end(true)
	}
	_ = pauseIn(ctx, err) // it may be for a while only
	ended := t.end(false)
	if isHopeless(err) {
		return fmt.Errorf("produce outputs: %w", err)
	}
	return ended
}

// end ends the transaction, for good or, should it not be ours to commit, without effect.
func (t *transactor) end(commit bool) error {
	t.mu.Lock()
	t.disturbed = false
	t.mu.Unlock()
	// Not under the consumer's context: cut short, its outcome would be open.
	within, cancel := context.WithTimeout(context.WithoutCancel(t.working), t.cfg.Rebalance+2*t.cfg.Session)
	defer cancel()
	within = kgo.PreTxnCommitFnContext(within, func(req *kmsg.TxnOffsetCommitRequest) error {
		if t.usurpedBy(req.MemberID) {
			return kerr.UnknownMemberID // kgo aborts
		}
		return nil
	})
	_, err := t.session.End(within, kgo.TransactionEndTry(commit))
	if err == nil || t.working.Err() != nil {
		return nil
	}
	return endOf("end a transaction", err)
}

// endOf is the error by which a session ends, or all of them if no new one mends it.
func endOf(what string, err error) error {
	if isHopeless(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%w: %s: %w", errSession, what, err)
}

func isHopeless(err error) bool {
	return slices.ContainsFunc(hopelessTransactions, func(h error) bool { return errors.Is(err, h) })
}

// hopelessTransactions are the answers to a transaction that no new session mends.
var hopelessTransactions = []error{
	kerr.TransactionalIDAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
	kerr.ClusterAuthorizationFailed, kerr.InvalidTransactionTimeout, kerr.MessageTooLarge, kerr.UnsupportedVersion,
}

// transform works on a batch and reports whether all has succeeded before ctx ended.
// From then on cancel is called when partitions are taken away, which is waited for.
func (t *transactor) transform(ctx context.Context, cancel context.CancelFunc, in []*kgo.Record) bool {
	b := &batch{cancel: cancel, quiet: make(chan struct{})}
	defer close(b.quiet)
	t.mu.Lock()
	disturbed := t.disturbed // while they were polled: the transaction would not be committed
	t.batch = b
	t.mu.Unlock()
	return !disturbed && workByKeys(ctx, t.cfg.Workers, in, t.work) && ctx.Err() == nil
}

// workByKeys works on the keys of a batch in parallel, and on the records of each in order,
// and reports whether all are done: not so if ctx has ended, or the work has panicked,
// which others may outlive for a moment.
func workByKeys(ctx context.Context, workers int, records []*kgo.Record, work harness.Work) bool {
	keys := byBusiness(records)
	next := make(chan []*kgo.Record, len(keys))
	for _, of := range keys {
		next <- of
	}
	close(next)
	var running sync.WaitGroup
	var done atomic.Int64
	for range min(workers, len(keys)) {
		running.Go(func() {
			var record harness.Record
			for of := range next {
				for _, r := range of {
					fill(&record, r)
					if ctx.Err() != nil || retry(ctx, work, &record) != nil {
						return
					}
					done.Add(1)
				}
			}
		})
	}
	running.Wait()
	return int(done.Load()) == len(records)
}

// byBusiness are the records of each key, in order. Those of the key that has most come
// first, lest it is what all others wait for in the end.
func byBusiness(records []*kgo.Record) (keys [][]*kgo.Record) {
	place := map[string]int{}
	for _, r := range records {
		k, known := place[string(r.Key)]
		if !known || r.Key == nil {
			k = len(keys)
			keys = append(keys, nil)
			if r.Key != nil {
				place[string(r.Key)] = k
			}
		}
		keys[k] = append(keys[k], r)
	}
	slices.SortStableFunc(keys, func(a, b []*kgo.Record) int { return len(b) - len(a) })
	return keys
}
