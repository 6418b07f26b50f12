package load

import (
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
	"github.com/twmb/franz-go/pkg/kgo"
)

// ProducerConfig configures a [Producer].
type ProducerConfig struct {
	Seeds      []string                                                          // Seeds are the bootstrap brokers, host:port.
	Dialer     func(ctx context.Context, network, addr string) (net.Conn, error) // Dialer is nil for the ordinary network.
	Settings   harness.ProducerSettings                                          // Settings without a linger have [harness.DefaultLinger].
	Topic      string
	Partitions int // Partitions of the topic.
	Later      int // Later is how many further partitions may be added.
	Load       harness.Load
	Run        uint64 // Run is part of the identity of every record.
	Seed       uint64 // Seed decides keys and bodies.
	Clock      ledger.Clock
	Journal    *ledger.Writer // Journal gets a slot with the outcome of each send. It must stay open until Close has returned.
}

// Limits of the client's buffer. Within them a dead leader does not delay the schedule;
// beyond them it does, and the lateness shows it. A flood has no schedule, and a limit of
// its own within them.
const (
	maxPending      = 1 << 20   // records without an outcome
	maxPendingBytes = 512 << 20 // of values
)

const (
	deliveryTimeout = 60 * time.Second // until the client gives up a record
	closeTimeout    = 10 * time.Second // until Close gives up on outcomes
	roomInterval    = time.Millisecond // between two checks of a full buffer
	stride          = 256              // records sent at most between two checks of the buffer
)

// Producer is the open-loop source of the load. It sends each record when it is due,
// whether or not earlier records were acknowledged, and never waits for consumers.
// Each key has its own sequence.
//
// The order of calls is Prepare, Run, Flush, Close. Any goroutine may call
// [Producer.Appended] and [Producer.Progress] at any time. Kill and Start may be called
// between Prepare and Close.
type Producer struct {
	cfg    ProducerConfig
	client atomic.Pointer[kgo.Client] // client is nil between Kill and Start.
	slabs  *recordSlabs
	seqs   []uint32     // the next seq, by key
	held   int64        // held is the most records without an outcome that memory may hold.
	most   atomic.Int64 // most is the most records without an outcome, at present.
	room   int64        // records that may be sent before the next check
	flood  *floodLimit  // flood is nil without a flood; of [Producer.FollowPods].

	promise func(*kgo.Record, error) // promise is recordOutcome, allocated once
	sent    atomic.Int64
	log     atomic.Uint32 // log is as in [ledger.Identity].

	mu       sync.Mutex // guards what follows, and the journal against outcomes after Close
	done     int64
	acked    int64
	appended []int64       // by partition
	back     []*sending    // completed, to be used again
	err      error         // of the journal
	idle     chan struct{} // closed when Close was called and nothing is pending
	closed   bool          // Close was called
	gone     bool          // Close has returned
}

// NewProducer makes a producer without connecting it.
func NewProducer(cfg ProducerConfig) (*Producer, error) {
	cfg.Load.Keys = cfg.Load.SeededKeys(cfg.Seed)
	p := &Producer{
		cfg:      cfg,
		slabs:    newRecordSlabs(&cfg.Load, cfg.Seed),
		seqs:     make([]uint32, cfg.Load.Keys.Count()),
		appended: make([]int64, cfg.Partitions+cfg.Later),
		idle:     make(chan struct{}),
	}
	p.slabs.keyless = !cfg.Load.HasKeys()
	p.promise = p.recordOutcome
	p.held = int64(min(maxPending, maxPendingBytes/p.slabs.mean))
	p.most.Store(p.held)
	if _, flood := cfg.Load.Pacer.(harness.Flooder); flood {
		p.flood = newFloodLimit(p.held)
		p.most.Store(p.flood.limit)
	}
	client, err := p.newClient()
	if err != nil {
		return nil, err
	}
	p.client.Store(client)
	return p, nil
}

// Run sends the load once. start is time 0 of the schedule, in ns on CLOCK_MONOTONIC.
// Run returns when the client has the last record, or when ctx ends, which is no error:
// records that the client has are still sent. An error is the journal's, which may also
// appear when the journal is closed, or says that a key is none of the keys.
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
		if int64(key) >= int64(len(p.seqs)) {
			return fmt.Errorf("keys %s give key %d to record %d: want one below their count of %d", keys, key, n, len(p.seqs))
		}
		id := ledger.Identity{Run: p.cfg.Run, Key: key, Seq: p.seqs[key], Due: start + int64(due), Sent: now}
		p.sendRecord(p.slabs.nextRecord(n, key), id)
		p.seqs[key]++
	}
}

// awaitDue waits until due and until there is room for one more record, and returns
// the time. ok is false if ctx ended first. Most kernels cannot sleep for less than a
// millisecond, and spinning would take the core from a broker or a pod. So several
// records may become due in one sleep, and are sent in a row.
func (p *Producer) awaitDue(ctx context.Context, due int64) (now int64, ok bool) {
	for {
		now = p.cfg.Clock.Now()
		var sleep time.Duration
		switch {
		case now < due:
			sleep = time.Duration(due - now)
		case p.room > 0 && p.Running():
			p.room--
			return now, true
		default:
			if ctx.Err() != nil || p.journalError() != nil {
				return 0, false
			}
			if p.Running() {
				if p.room = p.countRoom(); p.room > 0 {
					p.slabs.warmCaches(int(p.room))
					continue
				}
			}
			sleep = roomInterval
		}
		if sleepFor(ctx, sleep) != nil {
			return 0, false
		}
	}
}

// countRoom takes completed records back and returns how many more may be sent.
func (p *Producer) countRoom() (room int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back = p.slabs.takeBack(p.back)
	return min(p.most.Load()-(p.sent.Load()-p.done), stride)
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

// sendRecord gives a record to the client. The context never ends, so that the record
// gets its outcome from the broker.
func (p *Producer) sendRecord(s *sending, id ledger.Identity) {
	id.Log = uint8(p.log.Load())
	s.due, s.sent, s.key, s.seq, s.log, s.pending = id.Due, id.Sent, id.Key, id.Seq, id.Log, true
	id.Encode(s.record.Value)
	s.record.Timestamp = p.cfg.Clock.Time(id.Sent)
	p.sent.Add(1)
	if client := p.client.Load(); client != nil {
		client.Produce(context.Background(), &s.record, p.promise)
	} else {
		p.recordOutcome(&s.record, kgo.ErrClientClosed) // killed since the check in awaitDue
	}
}

// recordOutcome journals a send with its outcome. The client calls it for one record
// at a time and does not use the record any more.
func (p *Producer) recordOutcome(r *kgo.Record, err error) {
	s, how := r.Context.(*sending), classifyOutcome(p.cfg.Settings.Acks, r, err)
	slot := s.journalSlot().With(how)
	slot.SetEnd(p.cfg.Clock.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	if how == ledger.OutcomeAcked {
		slot.SetPosition(ledger.Position{Partition: p.partitionOf(s, r), Offset: r.Offset})
		p.acked++
	}
	if err == nil {
		p.appended[p.partitionOf(s, r)]++
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

func (p *Producer) partitionOf(s *sending, r *kgo.Record) int32 {
	return ledger.PartitionInLog(r.Partition, s.log, p.cfg.Partitions)
}

// Flush waits until every record sent has its outcome.
func (p *Producer) Flush(ctx context.Context) error {
	client := p.client.Load()
	if client == nil {
		return nil // each record of a client that was killed has its outcome
	}
	if err := client.Flush(ctx); err != nil {
		sent, _ := p.Progress()
		return fmt.Errorf("flush producer: %d of %d records without an outcome: %w", p.countPending(), sent, err)
	}
	return nil
}

// Close closes the client and journals each record without an outcome as open. Run must
// have returned. After Close the producer does not use the journal.
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

	if client := p.client.Load(); client != nil {
		client.Close()
	}
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
		_ = p.cfg.Journal.Append(slot) // closing the journal returns its error too
	})
}

// journalError returns the first error of the journal.
func (p *Producer) journalError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return fmt.Errorf("journal a send: %w", p.err)
	}
	return nil
}

// countPending returns the number of records without an outcome.
func (p *Producer) countPending() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.Load() - p.done
}

// UseAddedPartitions lets the producer ask for the partitions of the topic again. It
// returns when it has asked.
func (p *Producer) UseAddedPartitions() {
	if client := p.client.Load(); client != nil {
		client.ForceMetadataRefresh()
	}
}

// FollowPods tells how many records the pods have completed. A flood sends as many at once as
// serves both the producer and the pods; any other load goes by its schedule. One goroutine at
// a time may call it.
func (p *Producer) FollowPods(completed int64) {
	if p.flood == nil {
		return
	}
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	p.most.Store(p.flood.adjust(p.cfg.Clock.Now(), flow{float64(done), float64(completed)}))
}

// Appended is the number of records acknowledged so far, by partition. Without acks it is
// the number of records sent.
func (p *Producer) Appended() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.appended)
}

// Progress is the number of records that the client has got, and how many of them the
// brokers have acknowledged.
func (p *Producer) Progress() (sent, acked int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.Load(), p.acked
}
