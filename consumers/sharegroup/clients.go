package sharegroup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// clients is the clients of a pod. For each that waits long for the last of its batch, while
// workers have nothing to do, there are more: it may be the only one that has a
// partition, and who gets a new one is up to the group, so there is one more for
// each partition. All together have no more in hand than the window.
type clients struct {
	cfg     harness.Config
	working context.Context // working is the parent of all work: it outlives taking by the drain
	pool    *pool.Slots
	work    harness.Work
	batch   int // batch is how many records a client takes at a time
	minimum int // minimum clients are those of a staff in which none waits long

	polls     context.Context
	stopPolls context.CancelFunc
	running   sync.WaitGroup

	mu     sync.Mutex
	number int // number of clients
	slow   int // slow is how many of them wait long
	failed error
}

// wantedClients is how many clients there should be. The caller holds mu.
func (c *clients) wantedClients() int {
	return max(c.minimum, min(c.minimum+c.slow*max(c.cfg.Partitions, 1), c.cfg.Window/c.batch, MaxClients))
}

// startClients starts the clients that are wanted, further ones only if a worker is idle.
func (c *clients) startClients() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.number < c.wantedClients() && (c.number < c.minimum || c.pool.HasFree()) && c.polls.Err() == nil {
		c.number++
		c.running.Go(func() {
			if err := c.runClient(); err != nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.failed = errors.Join(c.failed, err)
				c.stopPolls()
			}
		})
	}
}

// countSlow notes that one client more waits long, or one less.
func (c *clients) countSlow(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow += by
}

// workOnBatch works on a batch. Once the locks of one have to be renewed, its client counts as
// one that waits long.
func (c *clients) workOnBatch(cl *kgo.Client, h *inFlight, records []*kgo.Record) (spent bool) {
	if len(records) == 0 {
		return false
	}
	began, long := time.Now(), false
	spent = h.workOnBatch(c.working, cl, records, func() {
		if time.Since(began) < c.cfg.ShareLock/renewals {
			return
		}
		if !long {
			long = true
			c.countSlow(1)
		}
		c.startClients()
	})
	if long {
		c.countSlow(-1)
	}
	return spent
}

// removeSurplus reports whether a client is one too many, and does not count it from then on.
func (c *clients) removeSurplus() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number <= c.wantedClients() {
		return false
	}
	c.number--
	return true
}

// runClient is one client, which takes batches until taking ends, or it is one too many.
func (c *clients) runClient() error {
	options, err := client.BaseOptions(c.cfg)
	if err != nil {
		return err
	}
	requests, hangUp := context.WithCancel(context.WithoutCancel(c.polls))
	defer hangUp()
	h := &inFlight{cfg: c.cfg, work: c.work}
	evictor := client.NewCoordinatorEvictor(requests)
	cl, err := kgo.NewClient(append(append(options, client.FetchOptions(c.cfg)...),
		kgo.WithContext(requests),
		kgo.WithHooks(evictor),
		kgo.ShareGroup(c.cfg.Group),
		kgo.ShareMaxRecords(int32(c.batch)),
		kgo.ShareMaxRecordsStrict(),            // more would lie in the client with their locks running
		kgo.ConnIdleTimeout(2*c.cfg.ShareLock), // the broker takes back what was given over a connection that ends
		kgo.ShareAckCallback(h.onAcksSent),
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", c.cfg.ClientID(), err)
	}
	spent := false
	for c.polls.Err() == nil {
		fetches := cl.PollRecords(c.polls, c.batch)
		if err = client.FatalError(fetches); err != nil {
			break
		}
		if spent = c.workOnBatch(cl, h, fetches.Records()); spent || c.removeSurplus() {
			break
		}
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(requests), c.cfg.Session/2)
	defer cancel()
	defer time.AfterFunc(c.cfg.Session/2, hangUp).Stop() // Close waits for brokers
	flushed := cl.FlushAcks(leaving) == nil
	if spent || flushed && cl.BufferedFetchRecords() > 0 {
		// Given back, a record at the limit of its deliveries would be given up, and any
		// other come nearer to it. The broker counts it back for who is gone, whose place in
		// the group is another's a session later.
		hangUp()
	}
	client.LeaveGroup(leaving, cl, hangUp)
	hangUp()
	evictor.Wait()
	if c.polls.Err() != nil {
		return nil
	}
	return err
}

// MaxClients is the most clients of a pod.
const MaxClients = 100

// Consumer is a consumer whose pods are members of a share group, with several
// clients each.
type Consumer struct {
	// Clients of a pod. 0 is two for each partition of the pod, from 4 to 16.
	Clients int
}

// Consume runs the clients over one pool of workers. When ctx ends each finishes what it
// has in hand within the drain budget, and gives back the rest.
func (s Consumer) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	n := s.Clients
	if n == 0 {
		// As long as members are no more than partitions, each partition is one's alone, and
		// waits when that waits for a batch.
		n = min(max(2*cfg.Partitions, 4), 16)
	}
	n = min(n, cfg.Window)
	working, cancel := client.WithDrain(ctx, cfg.Drain)
	defer cancel()
	pool := pool.NewSlots(cfg.Workers)
	c := &clients{
		cfg: cfg, working: working, pool: pool, work: pool.Wrap(work), minimum: n,
		// Twice as many in hand as there are workers, so that those whose batch ends
		// early leave none idle.
		batch: max(1, min(2*cfg.Workers, cfg.Window)/n),
	}
	c.polls, c.stopPolls = context.WithCancel(ctx)
	defer c.stopPolls()
	c.startClients()
	c.running.Wait()
	return c.failed
}
