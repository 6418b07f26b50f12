package consumers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	reachWorkers    = 100
	reachPartitions = 12
	reachKeys       = 10_000
)

// BenchmarkReach is the throughput of a pod of each design as a share of its bound, with a
// backlog of 10,000 uniform keys on 12 partitions. With 100 workers and work that waits it
// is in per cent of workers / mean service time, for hashq next to its own bound by
// collisions. Without work it is in per cent of what a bare client of a group fetches. All
// values of a line are from one run.
func BenchmarkReach(b *testing.B) {
	lock.Machine(b)
	for _, c := range []struct {
		service time.Duration
		records int
	}{{0, 1_000_000}, {time.Millisecond, 200_000}, {10 * time.Millisecond, 60_000}, {100 * time.Millisecond, 8000}} {
		b.Run(fmt.Sprintf("service=%v", c.service), func(b *testing.B) {
			seeds := backlog(b, c.records)
			byHash := byQueue(reachWorkers)
			all := 100.0
			for range b.N {
				if c.service == 0 {
					all = bareRate(b, seeds, c.records)
					b.ReportMetric(all, "bare/s")
				}
				report := func(name string, consumer harness.Consumer) {
					records := c.records
					if name == "partition" && c.service > 0 {
						records = records * reachPartitions / reachWorkers // the same time
					}
					rate, mean := reach(b, seeds, consumer, records, c.service)
					if c.service == 0 {
						b.ReportMetric(100*rate/all, "%bare:"+name)
						return
					}
					b.ReportMetric(100*rate*mean.Seconds()/reachWorkers, "%workers:"+name)
				}
				report("keyed", pool.Sharded{Shard: pool.ByKey()})
				report("unordered", pool.Sharded{Shard: pool.ByRecord()})
				report("hashq", queued(byHash))
				report("partition", partitionwise())
				report("keyed-map", pool.Sharded{Shard: pool.ByKey(), Options: group.Options{KeepCompleted: true}})
			}
			b.ReportMetric(100*collisions(byHash), "%bound:hashq")
			b.ReportMetric(100*float64(reachPartitions)/reachWorkers, "%bound:partition")
			b.ReportMetric(0, "ns/op") // says nothing here
		})
	}
}

// collisions is the share of its workers that hashq can use in the long run: the
// fullest queue holds the watermark, and so the others, to its own pace.
func collisions(queue func(*kgo.Record) uint64) float64 {
	keys := make([]int, reachWorkers)
	for k := range reachKeys {
		keys[queue(&kgo.Record{Key: reachKey(k)})]++
	}
	return float64(reachKeys) / reachWorkers / float64(slices.Max(keys))
}

func reachKey(k int) []byte { return strconv.AppendInt([]byte("key-"), int64(k), 10) }

// backlog starts brokers whose topic has records, each key as often as any other.
func backlog(b *testing.B, records int) []string {
	b.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(reachPartitions, "t"), kfake.DataDir(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("t"))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	value := make([]byte, 200)
	for n := range records {
		client.Produce(b.Context(), &kgo.Record{Key: reachKey(n * 7919 % reachKeys), Value: value}, nil)
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return cluster.ListenAddrs()
}

// clocked is work that takes a time, and notes when which part of all was done.
type clocked struct {
	service  time.Duration
	records  int64
	done     atomic.Int64
	spent    atomic.Int64
	from, to atomic.Int64
	before   atomic.Int64 // before is what of spent was so far at from, and part what was between
	part     atomic.Int64
	end      func()
}

var reachStart = time.Now()

func (w *clocked) Do(_ context.Context, _ *harness.Record) error {
	if w.service > 0 {
		began := time.Now()
		time.Sleep(w.service)
		w.spent.Add(int64(time.Since(began)))
	}
	w.count(w.done.Add(1))
	return nil
}

// count notes the time between a tenth and nine tenths of all: the group has formed
// and the end, at which workers run out of records, has not come.
func (w *clocked) count(n int64) {
	switch n {
	case w.records / 10:
		w.from.Store(int64(time.Since(reachStart)))
		w.before.Store(w.spent.Load())
	case w.records * 9 / 10:
		w.to.Store(int64(time.Since(reachStart)))
		w.part.Store(w.spent.Load() - w.before.Load())
		w.end()
	}
}

func (w *clocked) rate() float64 {
	part := w.records*9/10 - w.records/10
	return float64(part) / time.Duration(w.to.Load()-w.from.Load()).Seconds()
}

var reachGroups atomic.Int64

// reach is the rate of a consumer, and how long its work took.
func reach(b *testing.B, seeds []string, c harness.Consumer, records int, service time.Duration) (rate float64, mean time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	w := &clocked{service: service, records: int64(records), end: cancel}
	cfg := harness.Config{
		Seeds: seeds, Topic: "t", Group: fmt.Sprintf("g%d", reachGroups.Add(1)), Pod: "a", Incarnation: 1, Protocol: harness.Cooperative,
		Partitions: reachPartitions, Workers: reachWorkers, Window: 2000, MaxPoll: 500,
		Commit: time.Second, Session: 6 * time.Second, Heartbeat: time.Second, Rebalance: 12 * time.Second, RevokeTimeout: 3 * time.Second,
	}
	if err := c.Consume(ctx, cfg, w); err != nil {
		b.Fatal(err)
	}
	if w.to.Load() == 0 { // too slow for a minute: what it did in that
		return float64(w.done.Load()) / time.Minute.Seconds(), time.Duration(w.spent.Load() / w.done.Load())
	}
	return w.rate(), time.Duration(w.part.Load() / (w.records*9/10 - w.records/10))
}

// bareRate is the rate of a client of a group that counts and does nothing else.
func bareRate(b *testing.B, seeds []string, records int) float64 {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumeTopics("t"), kgo.ConsumerGroup(fmt.Sprintf("g%d", reachGroups.Add(1))),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	w := &clocked{records: int64(records), end: cancel}
	for ctx.Err() == nil {
		for range client.PollFetches(ctx).NumRecords() {
			w.count(w.done.Add(1))
		}
	}
	return w.rate()
}
