package bare

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consumer is a member of the group. It counts records.
type consumer struct {
	client *kgo.Client
	front  harness.Front // front is nil where pods have none.
	cancel context.CancelFunc
	ended  chan struct{}
	owned  atomic.Int64 // owned are its partitions.
	read   atomic.Int64

	mu        sync.Mutex
	latencies measure.Sample // latencies are of records due after the warm-up.
	inTime    int64          // inTime are records read between the end of the warm-up and that of the load.
	err       error
}

func dialOf(d harness.Dialer) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if d == nil {
		return nil
	}
	return d.Dial
}

// startConsumer starts the consumer with a number.
func (r *run) startConsumer(ctx context.Context, n int) (*consumer, error) {
	c := &consumer{ended: make(chan struct{})}
	seeds, id := r.cluster.Seeds(), harness.ClientID(fmt.Sprintf("bare-%d", n+1), 1)
	if fronter, ok := r.cluster.(harness.Fronter); ok {
		front, err := fronter.OpenFront(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("open a front for a bare consumer: %w", err)
		}
		c.front, seeds = front, front.Seeds()
	}
	count := func(sign int64) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			c.owned.Add(sign * int64(len(partitions[r.topic])))
		}
	}
	cfg := &r.Config
	opts := []kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ClientID(id), kgo.ConsumeTopics(r.topic), kgo.ConsumerGroup(r.topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.SessionTimeout(cfg.Session), kgo.HeartbeatInterval(cfg.Heartbeat),
		kgo.RebalanceTimeout(cfg.Rebalance), kgo.AutoCommitInterval(max(cfg.Commit, 100*time.Millisecond)),
		kgo.FetchMaxWait(cfg.FetchWait), kgo.FetchMaxPartitionBytes(harness.FetchBytes), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)), kgo.OnPartitionsLost(count(-1)),
		kgo.MetadataMinAge(150 * time.Millisecond), kgo.MetadataMaxAge(cfg.Metadata), kgo.DisableClientMetrics(),
	}
	if d := dialOf(r.dialer()); d != nil {
		opts = append(opts, kgo.Dialer(d))
	}
	var err error
	if c.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("make a bare consumer: %w", err)
	}
	ctx, c.cancel = context.WithCancel(ctx)
	go func() {
		defer close(c.ended)
		c.readAll(ctx, r)
	}()
	return c, nil
}

// readAll polls until ctx ends. A record has been read when the poll returns it.
func (c *consumer) readAll(ctx context.Context, r *run) {
	for ctx.Err() == nil {
		fetches := c.client.PollRecords(ctx, r.Config.MaxPoll)
		if fetches.NumRecords() == 0 {
			if err := fetches.Err(); err != nil && ctx.Err() == nil {
				c.mu.Lock()
				c.err = err
				c.mu.Unlock()
			}
			continue
		}
		at := r.elapsed()
		c.mu.Lock()
		fetches.EachRecord(func(k *kgo.Record) {
			if due := time.Duration(binary.LittleEndian.Uint64(k.Value)); due >= r.Scenario.Warmup {
				c.latencies.Record(at - due)
			}
			if at >= r.Scenario.Warmup && at <= r.last {
				c.inTime++
			}
		})
		c.mu.Unlock()
		c.read.Add(int64(fetches.NumRecords()))
	}
}

// closeTimeout is how long a consumer may take to leave its group.
const closeTimeout = 10 * time.Second

// close ends the consumer.
func (c *consumer) close() error {
	c.cancel()
	<-c.ended
	leaving, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.client.LeaveGroupContext(leaving) // the group ends with its session otherwise
	c.client.Close()
	if c.front != nil {
		return c.front.Close()
	}
	return nil
}

// failure is the last error of its fetches, nil for none.
func (c *consumer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
