package consumers_test

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// writes has those whose effects are what they write.
func writes(i *harness.Implementation) bool { return every(i) && i.Effect == harness.EffectOutput }

// Work that does not end costs a transaction when its partitions are given to another
// pod, which writes the outputs.
func stuckWorkCostsItsTransactionAtRevoke(w *world, i *harness.Implementation, p harness.Protocol) {
	release := make(chan struct{})
	w.effects.before = func(ctx context.Context, pod string, _ *harness.Record) error {
		if pod != "a" {
			return nil
		}
		return stuck(ctx, release)
	}
	w.send(100)
	a := w.start(i, w.config("a", p))
	w.await("a is stuck", func(e *effects) bool { return e.working() })
	b := w.start(i, w.config("b", p))
	w.await("b works", func(e *effects) bool { return e.pods["b"] > 0 })
	close(release)
	w.delivered()
	w.committed()
	a.leave()
	b.leave()
	w.asClaimed(i)
	w.written(i)
	w.noGoroutines()
}

// A producer that the broker has fenced, as it does one whose transaction took too
// long, goes on in another session, and what it had not committed is made again.
func transactionThatTheBrokerEndedIsMadeAgain(w *world, i *harness.Implementation, p harness.Protocol) {
	for _, key := range []kmsg.Key{kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.InvalidProducerEpoch, Count: 1})
	}
	w.send(200)
	a := w.start(i, w.config("a", p))
	w.await("first effect", func(e *effects) bool { return len(e.times) > 0 })
	w.send(200)
	w.delivered()
	w.committed()
	a.leave()
	w.asClaimed(i)
	w.written(i)
	w.noGoroutines()
}

// A pod that died in the midst of a transaction and comes back settles it, with nothing to
// work on: what was appended behind would wait for its timeout, and so would its offsets.
func transactionLeftOpenIsSettledByWhoComesBack(w *world, i *harness.Implementation, p harness.Protocol) {
	cfg := w.config("a", p)
	w.sides(i, &cfg)
	output := sidesOf(i, harness.RoleOutput)[0]
	dead, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.dial), kgo.DefaultProduceTopic(output),
		kgo.TransactionalID(cfg.Group+"."+cfg.Pod), kgo.TransactionTimeout(10*time.Minute))
	if err != nil {
		w.Fatal(err)
	}
	defer dead.Close()
	if err := dead.BeginTransaction(); err != nil {
		w.Fatal(err)
	}
	if err := dead.ProduceSync(w.Context(), kgo.StringRecord("of a transaction without an end")).FirstErr(); err != nil {
		w.Fatal(err)
	}
	open := func() (n int64) {
		for _, p := range w.cluster.PartitionInfos(output) {
			n += p.HighWatermark - p.LastStableOffset
		}
		return n
	}
	if open() == 0 {
		w.Fatal("no transaction is open")
	}
	a := w.start(i, cfg)
	w.until(func() bool { return open() == 0 }, func() string { return "the transaction stays open" })
	a.leave()
}

// Where no try will do the consumer says so, rather than to work for nothing for ever.
func outputThatNobodyMayWriteEndsTheConsumer(w *world, i *harness.Implementation, p harness.Protocol) {
	w.send(20)
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed})
	a := w.start(i, w.config("a", p))
	select {
	case err := <-a.end:
		if !errors.Is(err, kerr.TopicAuthorizationFailed) {
			w.Errorf("it ended with %v", err)
		}
	case <-time.After(patience):
		w.Error("it goes on")
		a.leave()
	}
}

// written holds what is written and committed to what the implementation promises: each
// record once, and each key in order. It is nothing to those whose effects are elsewhere.
func (w *world) written(i *harness.Implementation) {
	w.Helper()
	if i.Effect != harness.EffectOutput {
		return
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.dial),
		kgo.ConsumeTopics(sidesOf(i, harness.RoleOutput)...), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	seen, newest := map[string]bool{}, map[string]int{}
	within, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	for len(seen) < w.sent && within.Err() == nil {
		client.PollFetches(within).EachRecord(func(r *kgo.Record) {
			key, value := string(r.Key), string(r.Value)
			if seen[value] {
				w.Errorf("the output of record %s is there twice", value)
			}
			n, err := strconv.Atoi(value)
			if err != nil {
				w.Errorf("output %q", value)
			}
			if last, is := newest[key]; is && n < last {
				w.Errorf("%s: output %d after %d", key, n, last)
			}
			seen[value], newest[key] = true, n
		})
	}
	if len(seen) < w.sent {
		w.Errorf("%d outputs of %d records", len(seen), w.sent)
	}
}
