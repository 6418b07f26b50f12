package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ProducerConfig is what a [Producer] needs to know.
type ProducerConfig struct {
	Seeds      []string                                                          // Seeds are the bootstrap brokers, host:port.
	Dialer     func(ctx context.Context, network, addr string) (net.Conn, error) // Dialer is nil for the ordinary network.
	Topic      string
	Partitions int // Partitions of the topic.
	Load       harness.Load
	Run        uint64 // Run goes into the identity of every record.
	Seed       uint64 // Seed decides keys and bodies.
	Clock      ledger.Clock
	Journal    *ledger.Journal // Journal gets a slot for each send. It stays open until Close has returned.
}

// Limits of the client's buffer. Within them a dead leader does not hold up the
// schedule; past them it does, and the lateness shows it.
const (
	maxPending      = 1 << 20   // records sent and not done
	maxPendingBytes = 512 << 20 // of values
)

const (
	deliveryTimeout = 60 * time.Second // until the client gives a record up
	closeTimeout    = 10 * time.Second // until Close gives up on outcomes
	grain           = time.Millisecond // of waiting for room in the buffer
)

// Producer is the open-loop source of the load: it sends each record when the
// schedule wants it, whatever becomes of those before, one sequence per key,
// idempotent and acknowledged by all replicas. It never waits for consumers.
//
// The order of calls is Prepare, Run, Flush, Close; [Producer.Landed] and
// [Producer.Progress] may be called at any time, by any goroutine.
type Producer struct {
	cfg    ProducerConfig
	client *kgo.Client
	slabs  *slabs
	seqs   []uint32 // by key: the next
	limit  int64    // of pending records

	sent, done, acked atomic.Int64
	landed            []atomic.Int64 // by partition

	mu     sync.Mutex    // guards the journal against outcomes that come after Close gave up
	idle   chan struct{} // closed when Close was called and nothing is pending
	closed bool          // Close was called
	gone   bool          // Close has returned
}

// NewProducer makes a producer; it connects to nothing yet.
func NewProducer(cfg ProducerConfig) (*Producer, error) {
	p := &Producer{
		cfg:    cfg,
		slabs:  newSlabs(cfg.Load.Payload, cfg.Seed),
		seqs:   make([]uint32, cfg.Load.Keys.Count()),
		landed: make([]atomic.Int64, cfg.Partitions),
		idle:   make(chan struct{}),
	}
	p.limit = int64(min(maxPending, maxPendingBytes/p.slabs.value))
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Seeds...),
		kgo.ClientID("stampede-producer"),
		kgo.DefaultProduceTopic(cfg.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.MaxBufferedRecords(int(p.limit) + 1), // never reached: room is waited for in Run
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.UnknownTopicRetries(-1), // a leader that moved is no reason to give up
		// How soon the client finds a new leader; its own defaults take seconds.
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.AlwaysRetryEOF(),
		kgo.DisableClientMetrics(),
	}
	if cfg.Dialer != nil {
		opts = append(opts, kgo.Dialer(cfg.Dialer))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make producer: %w", err)
	}
	p.client = client
	return p, nil
}

// Prepare does ahead of the load what would make its first records late: it
// waits until every partition of the topic has a leader, connects to all
// brokers and fetches the producer id.
func (p *Producer) Prepare(ctx context.Context) error {
	if err := p.awaitTopic(ctx); err != nil {
		return err
	}
	if err := p.client.EnsureProduceConnectionIsOpen(ctx); err != nil {
		return fmt.Errorf("connect producer: %w", err)
	}
	if _, _, err := p.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("fetch producer id: %w", err)
	}
	return nil
}

func (p *Producer) awaitTopic(ctx context.Context) error {
	admin := kadm.NewClient(p.client)
	for {
		err := topicReady(ctx, admin, p.cfg.Topic, p.cfg.Partitions)
		if err == nil {
			return nil
		}
		if wait(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("wait for topic %s: %w", p.cfg.Topic, err)
		}
	}
}

func topicReady(ctx context.Context, admin *kadm.Client, topic string, partitions int) error {
	topics, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	detail := topics[topic]
	if detail.Err != nil {
		return detail.Err
	}
	if len(detail.Partitions) != partitions {
		return fmt.Errorf("it has %d partitions, want %d", len(detail.Partitions), partitions)
	}
	for _, d := range detail.Partitions {
		if d.Err != nil || d.Leader < 0 {
			return fmt.Errorf("partition %d has no leader", d.Partition)
		}
	}
	return nil
}

// Run sends the load, with start, in ns on CLOCK_MONOTONIC, as time 0 of its
// schedule. It returns when the last record is handed to the client, or when
// ctx has ended, which is no error and leaves what was sent on its way. The
// only error is the journal's. Call it once.
func (p *Producer) Run(ctx context.Context, start int64) error {
	keys, pacer := p.cfg.Load.Keys, p.cfg.Load.Pacer
	random := rand.New(rand.NewPCG(p.cfg.Seed, golden))
	for n := uint64(0); ; n++ {
		due, ok := pacer.At(n)
		if !ok {
			return nil
		}
		now, ok := p.await(ctx, start+int64(due))
		if !ok {
			return nil
		}
		key := keys.Key(n, random)
		id := ledger.Identity{Run: p.cfg.Run, Key: key, Seq: p.seqs[key], Due: start + int64(due), Sent: now}
		if err := p.send(p.slabs.next(n, key), id); err != nil {
			return fmt.Errorf("send record %d: %w", n, err)
		}
		p.seqs[key]++
	}
}

// await returns the time once due has come and there is room for one more
// record; ok is false if ctx ended first. One sleep may pass several dues: their
// records then go out in a row, since sleeps shorter than a millisecond are
// beyond most kernels and spinning would take the core from a broker or a pod.
func (p *Producer) await(ctx context.Context, due int64) (now int64, ok bool) {
	for {
		now = p.cfg.Clock.Now()
		var sleep time.Duration
		switch {
		case now < due:
			sleep = time.Duration(due - now)
		case p.sent.Load()-p.done.Load() >= p.limit:
			sleep = grain
		default:
			return now, ctx.Err() == nil
		}
		if wait(ctx, sleep) != nil {
			return 0, false
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send journals a record and hands it to the client. The client gets no context
// that ends: a record that was handed over gets its outcome from the broker.
func (p *Producer) send(s *sending, id ledger.Identity) error {
	slot := ledger.NewSlot(ledger.KindSend, 0)
	slot.Key, slot.Seq, slot.Due, slot.Sent = id.Key, id.Seq, id.Due, id.Sent
	var err error
	if s.slot, err = p.cfg.Journal.Add(slot); err != nil {
		return err
	}
	id.Encode(s.record.Value)
	s.record.Context = s
	p.sent.Add(1)
	p.client.Produce(context.Background(), &s.record, p.finish)
	return nil
}

// finish takes the outcome of a send; the client calls it for one record at a time.
func (p *Producer) finish(r *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	slot := r.Context.(*sending).slot
	how := outcome(r, err)
	if how == ledger.OutcomeAcked {
		slot.Partition, slot.Offset = r.Partition, r.Offset
		p.landed[r.Partition].Add(1)
		p.acked.Add(1)
	}
	p.cfg.Journal.Finish(slot, p.cfg.Clock.Now(), how)
	if p.done.Add(1) == p.sent.Load() && p.closed {
		close(p.idle)
	}
}

// Flush waits until every record sent has its outcome.
func (p *Producer) Flush(ctx context.Context) error {
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush producer: %d of %d records without an outcome: %w", p.sent.Load()-p.done.Load(), p.sent.Load(), err)
	}
	return nil
}

// Close ends the client; what has no outcome by then is unknown. Afterwards the
// journal is no longer touched. Run must have returned.
func (p *Producer) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	if p.done.Load() == p.sent.Load() {
		close(p.idle)
	}
	p.mu.Unlock()

	p.client.Close()
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case <-p.idle:
	case <-timeout.C:
	}
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
}

// Landed is the number of records acknowledged so far, by partition.
func (p *Producer) Landed() []int64 {
	landed := make([]int64, len(p.landed))
	for i := range p.landed {
		landed[i] = p.landed[i].Load()
	}
	return landed
}

// Progress is how many records were handed to the client so far, and how many
// of them the brokers acknowledged.
func (p *Producer) Progress() (sent, acked int64) {
	acked = p.acked.Load() // first, so that it is never the larger
	return p.sent.Load(), acked
}
