package load

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Linger is how long a record waits for others to go with, unless said otherwise.
const Linger = time.Millisecond

// ProducerConfig is what a [Producer] needs to know.
type ProducerConfig struct {
	Seeds      []string                                                          // Seeds are the bootstrap brokers, host:port.
	Dialer     func(ctx context.Context, network, addr string) (net.Conn, error) // Dialer is nil for the ordinary network.
	Linger     time.Duration                                                     // Linger is how long a record may wait for others to go with. 0: [Linger].
	Topic      string
	Partitions int // Partitions of the topic.
	Load       harness.Load
	Run        uint64 // Run goes into the identity of every record.
	Seed       uint64 // Seed decides keys and bodies.
	Clock      ledger.Clock
	Journal    *ledger.Writer // Journal gets a slot for each send, with its outcome. It stays open until Close has returned.
}

// Limits of the client's buffer. Within them a dead leader does not hold up the
// schedule; past them it does, and the lateness shows it. A flood has no schedule
// to keep: it fills what the client can send at once, and its records are used
// again while they are still in the caches of the processor.
const (
	maxPending      = 1 << 20   // records sent and not done
	floodPending    = 1 << 13   // of a flood
	maxPendingBytes = 512 << 20 // of values
)

const (
	deliveryTimeout = 60 * time.Second // until the client gives a record up
	closeTimeout    = 10 * time.Second // until Close gives up on outcomes
	grain           = time.Millisecond // of waiting for room in the buffer
	stride          = 256              // records sent at most between two looks at the room
)

// Producer is the open-loop source of the load: it sends each record when the
// schedule wants it, whatever becomes of those before, one sequence per key,
// idempotent and acknowledged by all replicas. It never waits for consumers.
//
// The order of calls is Prepare, Run, Flush, Close; [Producer.Appended] and
// [Producer.Progress] may be called at any time, by any goroutine.
type Producer struct {
	cfg    ProducerConfig
	client *kgo.Client
	slabs  *recordSlabs
	seqs   []uint32 // by key: the next
	limit  int64    // of pending records
	room   int64    // of records that may be sent before the next look

	promise func(*kgo.Record, error) // promise is finish, made once
	sent    atomic.Int64

	mu     sync.Mutex // guards what follows, and the journal against outcomes that come after Close gave up
	done   int64
	acked  int64
	landed []int64       // by partition
	back   []*sending    // done, to be used again
	err    error         // of the journal
	idle   chan struct{} // closed when Close was called and nothing is pending
	closed bool          // Close was called
	gone   bool          // Close has returned
}

// NewProducer makes a producer; it connects to nothing yet.
func NewProducer(cfg ProducerConfig) (*Producer, error) {
	p := &Producer{
		cfg:    cfg,
		slabs:  newRecordSlabs(cfg.Load.Payload, cfg.Seed),
		seqs:   make([]uint32, cfg.Load.Keys.Count()),
		landed: make([]int64, cfg.Partitions),
		idle:   make(chan struct{}),
	}
	p.promise = p.recordOutcome
	p.limit = int64(min(maxPending, maxPendingBytes/p.slabs.value))
	if _, flood := cfg.Load.Pacer.(harness.Flooder); flood {
		p.limit = min(p.limit, floodPending)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Seeds...),
		kgo.ClientID("stampede-producer"),
		kgo.DefaultProduceTopic(cfg.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(cmp.Or(cfg.Linger, Linger)),
		kgo.RecordPartitioner(partitioner),
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
		if sleepFor(ctx, 50*time.Millisecond) != nil {
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
// only error is the journal's, which may also show when that is closed. Call it
// once.
func (p *Producer) Run(ctx context.Context, start int64) error {
	keys, pacer := p.cfg.Load.Keys, p.cfg.Load.Pacer
	random := rand.New(rand.NewPCG(p.cfg.Seed, golden))
	for n := uint64(0); ; n++ {
		due, ok := pacer.At(n)
		if !ok {
			return nil
		}
		now, ok := p.awaitDue(ctx, start+int64(due))
		if !ok {
			return p.journalError()
		}
		key := keys.Key(n, random)
		id := ledger.Identity{Run: p.cfg.Run, Key: key, Seq: p.seqs[key], Due: start + int64(due), Sent: now}
		p.sendRecord(p.slabs.nextRecord(n, key), id)
		p.seqs[key]++
	}
}

// awaitDue returns the time once due has come and there is room for one more
// record; ok is false if ctx ended first. One sleep may pass several dues: their
// records then go out in a row, since sleeps shorter than a millisecond are
// beyond most kernels and spinning would take the core from a broker or a pod.
func (p *Producer) awaitDue(ctx context.Context, due int64) (now int64, ok bool) {
	for {
		now = p.cfg.Clock.Now()
		var sleep time.Duration
		switch {
		case now < due:
			sleep = time.Duration(due - now)
		case p.room > 0:
			p.room--
			return now, true
		default:
			if ctx.Err() != nil || p.journalError() != nil {
				return 0, false
			}
			if p.room = p.countRoom(); p.room > 0 {
				p.slabs.warmCaches(int(p.room))
				continue
			}
			sleep = grain
		}
		if sleepFor(ctx, sleep) != nil {
			return 0, false
		}
	}
}

// countRoom takes back the records that are done and says how many more may be sent.
func (p *Producer) countRoom() (room int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back = p.slabs.takeBack(p.back)
	return min(p.limit-(p.sent.Load()-p.done), stride)
}

func sleepFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendRecord hands a record to the client. The client gets no context that ends: a
// record that was handed over gets its outcome from the broker.
func (p *Producer) sendRecord(s *sending, id ledger.Identity) {
	s.due, s.sent, s.key, s.seq, s.pending = id.Due, id.Sent, id.Key, id.Seq, true
	id.Encode(s.record.Value)
	s.record.Timestamp = p.cfg.Clock.Time(id.Sent)
	p.sent.Add(1)
	p.client.Produce(context.Background(), &s.record, p.promise)
}

// recordOutcome takes the outcome of a send and journals both; the client calls it for
// one record at a time, and has no use for the record any more.
func (p *Producer) recordOutcome(r *kgo.Record, err error) {
	s, how := r.Context.(*sending), classifyOutcome(r, err)
	slot := s.journalSlot().With(how)
	slot.SetEnd(p.cfg.Clock.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	if how == ledger.OutcomeAcked {
		slot.SetPosition(ledger.Position{Partition: r.Partition, Offset: r.Offset})
		p.landed[r.Partition]++
		p.acked++
	}
	if err := p.cfg.Journal.Append(slot); err != nil && p.err == nil {
		p.err = err
	}
	s.pending = false
	p.back = append(p.back, s)
	if p.done++; p.closed && p.done == p.sent.Load() {
		close(p.idle)
	}
}

// Flush waits until every record sent has its outcome.
func (p *Producer) Flush(ctx context.Context) error {
	if err := p.client.Flush(ctx); err != nil {
		sent, _ := p.Progress()
		return fmt.Errorf("flush producer: %d of %d records without an outcome: %w", p.countPending(), sent, err)
	}
	return nil
}

// Close ends the client and journals what has no outcome by then as open.
// Afterwards the journal is no longer touched. Run must have returned.
func (p *Producer) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	if p.done == p.sent.Load() {
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
	defer p.mu.Unlock()
	p.gone = true
	p.slabs.eachPending(func(s *sending) {
		slot := s.journalSlot()
		_ = p.cfg.Journal.Append(slot) // a failure shows when the journal is closed
	})
}

// journalError is the error of the journal, if there was one.
func (p *Producer) journalError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return fmt.Errorf("journal a send: %w", p.err)
	}
	return nil
}

// countPending is the number of records without an outcome.
func (p *Producer) countPending() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.Load() - p.done
}

// Appended is the number of records acknowledged so far, by partition.
func (p *Producer) Appended() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.landed)
}

// Progress is how many records were handed to the client so far, and how many
// of them the brokers acknowledged.
func (p *Producer) Progress() (sent, acked int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.Load(), p.acked
}
