package consumers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "share",
	Doc: "Members of a share group (KIP-932), in which the broker gives each record to one of them and counts how often: each takes a batch, answers for every record when " +
		"its work is done, and takes the next. A pod has several clients, since one waits for the slowest of its batch, and one more for each that waits long; the locks of " +
		"what takes long are renewed. Work that fails is tried again in place and never rejected: a record that is given back, or rejected, is one that the group may give up.",
	Use: "Jobs that stand alone: no order, more members than partitions, a slow record holds nobody up but its batch. Not where order is wanted, nor on brokers " +
		"before 4.2, which renew no lock. A poison record keeps one client of one pod busy for good: have them rejected where they may be lost.",
	Bound: "W / service time, whatever keys and partitions. The answers for a batch are a replicated write of the broker's, for which the client's next batch waits: on real Kafka " +
		"tens of ms of latency, where other designs have a few.",
	Crash: "Repeats what was in work and what was answered in the last commit interval, as soon as the broker finds the connection gone, or its locks expire. Each crash of who holds a " +
		"record may count as a delivery of it; the group gives up one whose limit is reached.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: workers,
	Share:       true,
	Knobs: []harness.Knob{{
		Name: "clients", Default: "0", Doc: "clients of a pod, which share its workers; 0 is two for each partition that falls to it, from 4 to 16",
		Check: func(v string) error { _, err := clients(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		n, err := clients(cfg.Knobs["clients"])
		return share{n}, err
	},
})

const mostClients = 100

func clients(v string) (int, error) { return count(v, "a number of clients", 0, mostClients) }

type share struct{ clients int }

// Consume runs the clients over one pool of workers. When ctx ends each finishes what it
// has in hand within the drain budget, and gives back the rest.
func (s share) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	n := s.clients
	if n == 0 {
		// As long as members are no more than partitions, each partition is one's alone, and
		// waits when that waits for a batch.
		n = min(max(2*cfg.Partitions, 4), 16)
	}
	n = min(n, cfg.Window)
	working, cancel := outlast(ctx, cfg.Drain)
	defer cancel()
	pool := newShared(cfg.Workers)
	c := &staff{
		cfg: cfg, working: working, pool: pool, work: pool.around(work), enough: n,
		// Twice as many in hand as there are workers, so that those whose batch ends
		// early leave none idle.
		batch: max(1, min(2*cfg.Workers, cfg.Window)/n),
	}
	c.taking, c.stop = context.WithCancel(ctx)
	defer c.stop()
	c.hire()
	c.running.Wait()
	return c.failed
}

// staff is the clients of a pod. For each that waits long for the last of its batch, while
// workers have nothing to do, there are more: it may be the only one that has a
// partition, and who gets a new one is up to the group, so there is one more for
// each partition. All together have no more in hand than the window.
type staff struct {
	cfg     harness.Config
	working context.Context // working is the parent of all work: it outlives taking by the drain
	pool    *shared
	work    harness.Work
	batch   int // batch is how many records a client takes at a time
	enough  int // enough clients are those of a staff in which none waits long

	taking  context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	number int // number of clients
	long   int // long is how many of them wait long
	failed error
}

// wanted is how many clients there should be. The caller holds mu.
func (c *staff) wanted() int {
	return max(c.enough, min(c.enough+c.long*max(c.cfg.Partitions, 1), c.cfg.Window/c.batch, mostClients))
}

// hire starts the clients that are wanted, further ones only if a worker is idle.
func (c *staff) hire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.number < c.wanted() && (c.number < c.enough || c.pool.idle()) && c.taking.Err() == nil {
		c.number++
		c.running.Go(func() {
			if err := c.take(); err != nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.failed = errors.Join(c.failed, err)
				c.stop()
			}
		})
	}
}

// waits notes that one client more waits long, or one less.
func (c *staff) waits(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.long += by
}

// workOn works on a batch. Once the locks of one have to be renewed, its client counts as
// one that waits long.
func (c *staff) workOn(client *kgo.Client, h *hand, records []*kgo.Record) (spent bool) {
	if len(records) == 0 {
		return false
	}
	began, long := time.Now(), false
	spent = h.workOn(c.working, client, records, func() {
		if time.Since(began) < c.cfg.ShareLock/renewals {
			return
		}
		if !long {
			long = true
			c.waits(1)
		}
		c.hire()
	})
	if long {
		c.waits(-1)
	}
	return spent
}

// goes reports whether a client is one too many, and does not count it from then on.
func (c *staff) goes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number <= c.wanted() {
		return false
	}
	c.number--
	return true
}

// take is one client, which takes batches until taking ends, or it is one too many.
func (c *staff) take() error {
	options, err := ClientOptions(c.cfg)
	if err != nil {
		return err
	}
	requests, hangUp := context.WithCancel(context.WithoutCancel(c.taking))
	defer hangUp()
	h := &hand{cfg: c.cfg, work: c.work}
	client, err := kgo.NewClient(append(append(options, FetchOptions(c.cfg)...),
		kgo.WithContext(requests),
		kgo.ShareGroup(c.cfg.Group),
		kgo.ShareMaxRecords(int32(c.batch)),
		kgo.ShareMaxRecordsStrict(),            // more would lie in the client with their locks running
		kgo.ConnIdleTimeout(2*c.cfg.ShareLock), // the broker takes back what was given over a connection that ends
		kgo.ShareAckCallback(h.answered),
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", c.cfg.ClientID(), err)
	}
	spent := false
	for c.taking.Err() == nil {
		fetches := client.PollRecords(c.taking, c.batch)
		if err = fatal(fetches); err != nil {
			break
		}
		if spent = c.workOn(client, h, fetches.Records()); spent || c.goes() {
			break
		}
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(requests), c.cfg.Session/2)
	defer cancel()
	defer time.AfterFunc(c.cfg.Session/2, hangUp).Stop() // Close waits for brokers
	flushed := client.FlushAcks(leaving) == nil
	if spent || flushed && client.BufferedFetchRecords() > 0 {
		// Given back, a record at the limit of its deliveries would be given up, and any
		// other come nearer to it. The broker counts it back for who is gone, whose place in
		// the group is another's a session later.
		hangUp()
	}
	Leave(leaving, client, hangUp)
	if c.taking.Err() != nil {
		return nil
	}
	return err
}
