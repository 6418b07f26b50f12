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
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MaxClients is the most clients of a pod.
const MaxClients = 100

// Consumer is a consumer whose pods are members of a share group (KIP-932), with several
// clients each.
type Consumer struct {
	// Clients of a pod; 0 is two for each partition of the pod, from 4 to 16.
	Clients int
}

// Consume runs the clients over one pool of workers. When ctx ends, each client finishes its
// records in work within the drain budget and releases the rest.
func (s Consumer) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	n := s.Clients
	if n == 0 {
		// While there are no more members than partitions, a partition has one member, and its
		// records wait for that member's batch.
		n = min(max(2*cfg.Partitions, 4), 16)
	}
	n = min(n, cfg.Window)
	working, cancel := client.WithDrain(ctx, cfg.RevokeTimeout)
	defer cancel()
	slots := pool.NewSlots(cfg.Workers)
	c := &clients{
		cfg: cfg, working: working, slots: slots, work: slots.Wrap(work), minimum: n,
		// Together the clients acquire twice as many records as there are workers, so that
		// clients whose batch ends early leave no worker idle.
		batchSize: max(1, min(2*cfg.Workers, cfg.Window)/n),
	}
	c.polls, c.stopPolls = context.WithCancel(ctx)
	defer c.stopPolls()
	c.startClients()
	c.running.Wait()
	return c.failed
}

// clients are the clients of a pod. Each slow client, which waits long for the last record of
// its batch, may be the only one with a partition. So while workers are idle, more clients
// start: one for each partition and slow client, since the group chooses the partition
// of a new member. Together they acquire no more records than the window.
type clients struct {
	cfg       harness.Config
	working   context.Context // working is the parent of all work: it outlives polls by the drain budget
	slots     *pool.Slots
	work      harness.Work
	batchSize int // batchSize is how many records a client acquires at a time
	minimum   int // minimum is the number of clients while no client is slow

	polls     context.Context
	stopPolls context.CancelFunc
	running   sync.WaitGroup

	mu        sync.Mutex
	number    int       // number of clients
	slow      int       // slow is the number of slow clients
	fullUntil time.Time // fullUntil is how long the pod asks the group for no member more
	failed    error
}

// wantedClients is how many clients there should be. The caller holds mu.
func (c *clients) wantedClients() int {
	return max(c.minimum, min(c.minimum+c.slow*max(c.cfg.Partitions, 1), c.cfg.Window/c.batchSize, MaxClients))
}

// startClients starts the clients that are wanted. It exceeds the minimum only while a worker
// is idle and the group is not known to be full.
func (c *clients) startClients() {
	c.mu.Lock()
	defer c.mu.Unlock()
	mayGrow := c.slots.HasFree() && !time.Now().Before(c.fullUntil)
	for c.number < c.wantedClients() && (c.number < c.minimum || mayGrow) && c.polls.Err() == nil {
		c.number++
		c.running.Go(func() {
			err := c.runClient()
			for errors.Is(err, errTopicRecreated) {
				err = c.runClient()
			}
			if err != nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.failed = errors.Join(c.failed, err)
				c.stopPolls()
			}
		})
	}
}

// countSlow adds by to the number of slow clients.
func (c *clients) countSlow(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow += by
}

// removeSurplus reports whether there is a client too many. It no longer counts the caller then.
func (c *clients) removeSurplus() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number <= c.wantedClients() {
		return false
	}
	c.number--
	return true
}

// removeRefused notes that the group is full, and for a session asks for no member more. It
// reports whether the client that the group refused is above the minimum, and no longer counts
// it then. Another client waits for a place: its kgo client asks for one again and again.
func (c *clients) removeRefused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fullUntil = time.Now().Add(c.cfg.Session)
	if c.number <= c.minimum {
		return false
	}
	c.number--
	return true
}

// workOnRecords works on a batch. Its client is slow from the first renewal of locks on.
func (c *clients) workOnRecords(cl *kgo.Client, b *inFlight, records []*kgo.Record) (atLimit bool) {
	if len(records) == 0 {
		return false
	}
	began, slow := time.Now(), false
	atLimit = b.workOnBatch(c.working, cl, records, func() {
		if time.Since(began) < c.cfg.ShareLock/renewals {
			return
		}
		if !slow {
			slow = true
			c.countSlow(1)
		}
		c.startClients()
	})
	if slow {
		c.countSlow(-1)
	}
	return atLimit
}

// errTopicRecreated says that only a new client gets records: it knows the topic that was created again.
var errTopicRecreated = errors.New("the topic was deleted and created again")

// runClient acquires batches until polls ends or the client is one too many.
func (c *clients) runClient() error {
	options, err := client.BaseOptions(c.cfg)
	if err != nil {
		return err
	}
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(c.polls))
	evictor := client.NewCoordinatorEvictor(requests)
	defer evictor.Wait()
	defer cancelRequests() // first
	b := &inFlight{cfg: c.cfg, work: c.work}
	cl, err := kgo.NewClient(append(append(options, client.FetchOptions(c.cfg)...),
		kgo.WithContext(requests),
		kgo.WithHooks(evictor),
		kgo.ShareGroup(c.cfg.Group),
		kgo.ShareMaxRecords(int32(c.batchSize)),
		kgo.ShareMaxRecordsStrict(),            // more records would wait in the client while their locks run out
		kgo.ConnIdleTimeout(2*c.cfg.ShareLock), // the broker takes back the records of a connection that ends
		kgo.ShareAckCallback(b.onAcksSent),
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", c.cfg.ClientID(), err)
	}
	atLimit := false
	for c.polls.Err() == nil {
		fetches := cl.PollRecords(c.polls, c.batchSize)
		client.NotePolled(c.cfg, fetches)
		err = client.FatalError(c.cfg, fetches)
		isFull := errors.Is(err, kerr.GroupMaxSizeReached)
		if client.IsTopicRecreated(fetches) {
			err = errTopicRecreated
		}
		if err != nil && !isFull {
			break
		}
		err = nil
		if atLimit = c.workOnRecords(cl, b, fetches.Records()); atLimit || isFull && c.removeRefused() || c.removeSurplus() {
			break
		}
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(requests), c.cfg.Session/2)
	defer cancel()
	defer time.AfterFunc(c.cfg.Session/2, cancelRequests).Stop() // Close waits for brokers
	flushed := cl.FlushAcks(leaving) == nil
	if atLimit || flushed && cl.BufferedFetchRecords() > 0 {
		// The group would give up a record that is released at its delivery limit, and count one
		// more delivery for any other. If the client is gone instead, the broker takes the
		// records back, and the group removes the member a session timeout later.
		cancelRequests()
	}
	client.LeaveGroup(leaving, cl, cancelRequests)
	if c.polls.Err() != nil {
		return nil
	}
	return err
}
