package consumers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	hotPairs   = 5
	hotFor     = 5 * time.Second
	hotService = 10 * time.Millisecond
	hotWindow  = 200
)

// BenchmarkHotKey is how much longer the records of all other keys take, from their producer
// to the end of their work, when one key gets a fifth of the load. It is the median of five
// pairs of runs, with that key and without. At 400/s one worker is enough for the key. At
// 1,000/s the key gets twice the load of one worker, and its backlog fills the window. For
// keyed-batch there is the p90 of the hot key too.
func BenchmarkHotKey(b *testing.B) {
	lock.Machine(b)
	for _, c := range []struct {
		name string
		rate int
	}{{"keyed", 400}, {"keyed", 1000}, {"hotlane", 400}, {"hotlane", 1000}, {"keyed-batch", 1000}} {
		b.Run(fmt.Sprintf("%s@%d-per-s", c.name, c.rate), func(b *testing.B) {
			for range b.N {
				var p90, p99 []float64
				var own []time.Duration
				for range hotPairs {
					with, hot := runWithHotKey(b, c.name, c.rate, true)
					without, _ := runWithHotKey(b, c.name, c.rate, false)
					p90 = append(p90, float64(quantile(with, 90))/float64(quantile(without, 90)))
					p99 = append(p99, float64(quantile(with, 99))/float64(quantile(without, 99)))
					own = append(own, quantile(hot, 90))
				}
				slices.Sort(p90)
				slices.Sort(p99)
				slices.Sort(own)
				b.ReportMetric(p90[hotPairs/2], "times-p90")
				b.ReportMetric(p99[hotPairs/2], "times-p99")
				b.ReportMetric(float64(own[hotPairs/2])/1e6, "ms-p90-hot")
				b.ReportMetric(0, "ns/op") // says nothing here
			}
		})
	}
}

func quantile(took []time.Duration, percent int) time.Duration {
	slices.Sort(took)
	return took[len(took)*percent/100]
}

// runWithHotKey runs one pod of a design against the load, with a hot key that gets a fifth of
// it or without that fifth, and returns how long the records of other keys took, and
// those of the hot one.
func runWithHotKey(b *testing.B, name string, rate int, hot bool) (others, own []time.Duration) {
	b.Helper()
	i, err := harness.FindImplementation(name)
	if err != nil {
		b.Fatal(err)
	}
	cfg := harness.Config{
		Topic: "t", Group: "g", Pod: "a", Incarnation: 1, Protocol: harness.Cooperative, SideTopics: map[string]string{}, Knobs: map[string]string{},
		Partitions: reachPartitions, Workers: reachWorkers, Window: hotWindow, MaxPoll: 500,
		Commit: time.Second, Session: 6 * time.Second, Heartbeat: time.Second, Rebalance: 12 * time.Second, RevokeTimeout: 3 * time.Second,
	}
	topics := []string{cfg.Topic}
	if i.SideTopics != nil {
		for _, side := range i.SideTopics(cfg) {
			cfg.SideTopics[side.Name] = side.Name
			topics = append(topics, side.Name)
		}
	}
	for _, k := range i.Knobs {
		cfg.Knobs[k.Name] = k.Default
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(reachPartitions, topics...))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	cfg.Seeds = cluster.ListenAddrs()
	consumer, err := i.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	w := &stopwatch{end: cancel}
	var offering sync.WaitGroup
	offering.Go(func() { w.offer(ctx, b, cfg, rate, hot) })
	if err := consumer.Consume(ctx, cfg, w); err != nil {
		b.Error(err)
	}
	cancel()
	offering.Wait()
	if !w.done() {
		b.Fatalf("%s did not work off the load in a minute", name)
	}
	return w.others, w.own
}

// stopwatch is work that takes its time and notes, by key, how long after its producer
// had it a record was done.
type stopwatch struct {
	end func()

	mu          sync.Mutex
	due         int // due is how many records there are, once they are all sent
	others, own []time.Duration
}

const hotKey = "hot"

// Do implements [harness.Work].
func (w *stopwatch) Do(ctx context.Context, r *harness.Record) error {
	return w.take(ctx, r)
}

// DoBatch implements [harness.BatchWork]: a call takes as long for many as for one.
func (w *stopwatch) DoBatch(ctx context.Context, records []harness.Record) error {
	each := make([]*harness.Record, len(records))
	for i := range records {
		each[i] = &records[i]
	}
	return w.take(ctx, each...)
}

func (w *stopwatch) take(_ context.Context, records ...*harness.Record) error {
	time.Sleep(hotService)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range records {
		if took := time.Since(r.Timestamp); strings.HasPrefix(string(r.Key), hotKey) {
			w.own = append(w.own, took)
		} else {
			w.others = append(w.others, took)
		}
	}
	w.settle()
	return nil
}

// settle ends the run when all that was sent is done. The caller holds mu.
func (w *stopwatch) settle() {
	if w.due > 0 && len(w.own)+len(w.others) >= w.due {
		w.end()
	}
}

func (w *stopwatch) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.due > 0 && len(w.own)+len(w.others) >= w.due
}

// offer sends the load, a hundredth of a second's at a time.
func (w *stopwatch) offer(ctx context.Context, b *testing.B, cfg harness.Config, rate int, hot bool) {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Seeds...), kgo.DefaultProduceTopic(cfg.Topic), kgo.ProducerLinger(0))
	if err != nil {
		b.Error(err)
		return
	}
	defer client.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	value, sent, n := make([]byte, 200), 0, 0
	for total := rate * int(hotFor/time.Second); n < total; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for range rate / 100 {
			n++
			key := reachKey(n * 7919 % reachKeys)
			if n%5 == 0 {
				if !hot {
					continue
				}
				key = []byte(hotKey)
			}
			client.Produce(ctx, &kgo.Record{Key: key, Value: value}, nil)
			sent++
		}
	}
	if err := client.Flush(ctx); err != nil {
		b.Errorf("send the load: %v", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = sent
	w.settle()
}
