package sharegroup

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// renewals is how often a lock is renewed while it would last.
const renewals = 3

// inFlight has the records that a client has acquired, one batch after the other, under
// locks that it renews.
//
// Only the goroutine that polls acknowledges and renews. A record that is acknowledged while
// the client sends a renewal of it may be sent twice. The broker refuses the second with
// all acknowledgements of the request.
type inFlight struct {
	cfg  harness.Config
	work harness.Work

	lockedUntil atomic.Int64 // lockedUntil is when the first lock of the batch expires, in ns since 1970
	renewedAt   time.Time    // renewedAt is when all locks of the batch began
	hasUnsent   bool         // hasUnsent: there are acknowledgements that may not have been sent

	mu   sync.Mutex
	open map[*acquired]bool // open has the records of the batch without an acknowledgement
}

// acquired is a record of the batch.
type acquired struct {
	record       *kgo.Record
	ctx          context.Context
	abandon      context.CancelFunc // abandon ends ctx: another member may have the record
	lastDelivery bool               // lastDelivery: the group gives the record up instead of delivering it again
}

// outcome is the result of the work on a record.
type outcome struct {
	record    *acquired
	completed bool
}

// errLockExpired says that another member may have the record.
var errLockExpired = errors.New("the lock of the record has expired")

// workOnBatch works on records until each has an acknowledgement: accepted when its work is
// done, or released once ctx has ended or its lock is lost. The client must not poll
// meanwhile: a poll would accept records without an acknowledgement. onTick is called at
// each tick of the clock.
//
// It reports whether a record was left without an acknowledgement at its delivery limit.
func (b *inFlight) workOnBatch(ctx context.Context, cl *kgo.Client, records []*kgo.Record, onTick func()) (atLimit bool) {
	batch := b.acquireBatch(ctx, b.releaseExpired(ctx, cl, records))
	outcomes := make(chan outcome, len(batch))
	for _, r := range batch {
		go b.workOnRecord(r, outcomes)
	}
	clock := time.NewTicker(min(b.cfg.Commit, b.cfg.ShareLock/renewals))
	defer clock.Stop()
	for open := len(batch); open > 0; {
		select {
		case o := <-outcomes:
			open--
			atLimit = !b.acknowledge(o) || atLimit
		case <-clock.C:
			b.sendAcks(ctx, cl)
			onTick()
		}
	}
	return atLimit
}

// releaseExpired releases records whose lock expired while they waited in the client, and
// returns the others. The broker refuses all acknowledgements of a partition if one is of a
// record that the member has lost. So these are sent alone.
func (b *inFlight) releaseExpired(ctx context.Context, cl *kgo.Client, records []*kgo.Record) (locked []*kgo.Record) {
	for {
		var expired []*kgo.Record
		now := time.Now()
		locked = nil
		for _, r := range records {
			// A last delivery is worked on even without its lock: no other member gets it.
			if r.AcquisitionDeadline().After(now) || b.isLastDelivery(int(r.DeliveryCount())) {
				locked = append(locked, r)
			} else {
				expired = append(expired, r)
			}
		}
		if len(expired) == 0 {
			return locked
		}
		_ = b.flushAcks(ctx, cl, now.Add(b.cfg.ShareLock/renewals)) // without a broker they may go together
		for _, r := range expired {
			r.Ack(kgo.AckRelease)
		}
		_ = b.flushAcks(ctx, cl, time.Now().Add(b.cfg.ShareLock/renewals))
		records = locked // more locks may have expired meanwhile
	}
}

// flushAcks sends the acknowledgements. The client alone would wait up to a second for more.
func (b *inFlight) flushAcks(ctx context.Context, cl *kgo.Client, until time.Time) error {
	within, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := cl.FlushAcks(within)
	client.LogFailure(b.cfg, "acknowledgement", err)
	return err
}

// acquireBatch makes a batch of records. The work on them may run until ctx ends.
func (b *inFlight) acquireBatch(ctx context.Context, records []*kgo.Record) (batch []*acquired) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = make(map[*acquired]bool, len(records))
	until := time.Now().Add(b.cfg.ShareLock)
	for _, r := range records {
		last := b.isLastDelivery(int(r.DeliveryCount()))
		if deadline := r.AcquisitionDeadline(); !last && deadline.Before(until) {
			until = deadline
		}
		a := &acquired{record: r, lastDelivery: last}
		a.ctx, a.abandon = context.WithCancel(ctx)
		b.open[a] = true
		batch = append(batch, a)
	}
	b.renewedAt = until.Add(-b.cfg.ShareLock)
	b.lockedUntil.Store(until.UnixNano())
	return batch
}

// isLastDelivery reports whether a record with so many deliveries is not delivered again.
func (b *inFlight) isLastDelivery(deliveries int) bool {
	return b.cfg.DeliveryLimit > 0 && deliveries >= b.cfg.DeliveryLimit
}

// workOnRecord takes a record through the work. It reports an outcome even if the work panics:
// other goroutines may live on for a moment and would accept a record without one.
func (b *inFlight) workOnRecord(a *acquired, outcomes chan<- outcome) {
	completed := false
	defer func() { outcomes <- outcome{a, completed} }()
	var record harness.Record
	client.FillRecord(&record, a.record)
	record.Deliveries = int(a.record.DeliveryCount())
	completed = pool.Retry(a.ctx, b, &record) == nil
}

// Do is the work while the lock lasts by the clock. A pod that stood still must not start a
// record that another member may have.
func (b *inFlight) Do(ctx context.Context, r *harness.Record) error {
	if !b.isLastDelivery(r.Deliveries) && time.Now().UnixNano() >= b.lockedUntil.Load() {
		return errLockExpired
	}
	return b.work.Do(ctx, r)
}

// acknowledge accepts or releases a record. It reports false for a record that failed at its
// delivery limit and gets no acknowledgement: if it were released the group would give it up.
func (b *inFlight) acknowledge(o outcome) bool {
	o.record.abandon()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, o.record)
	b.hasUnsent = true
	switch {
	case o.completed:
		o.record.record.Ack(kgo.AckAccept)
	case o.record.lastDelivery:
		return false
	default:
		o.record.record.Ack(kgo.AckRelease)
	}
	return true
}

// sendAcks sends acknowledgements, so that a crash repeats less, and renews the locks of the
// other records when it is time. It abandons records that it could not renew in time.
func (b *inFlight) sendAcks(ctx context.Context, cl *kgo.Client) {
	now := time.Now()
	renew := now.Sub(b.renewedAt) >= b.cfg.ShareLock/renewals
	b.renewLocks(now, renew)
	if !renew && !b.hasUnsent {
		return
	}
	deadline := now.Add(b.cfg.ShareLock / renewals)
	if until := time.Unix(0, b.lockedUntil.Load()); until.After(now) && until.Before(deadline) {
		deadline = until // the records are abandoned then
	}
	if b.flushAcks(ctx, cl, deadline) != nil {
		b.renewLocks(time.Now(), false)
		return
	}
	b.hasUnsent = false
	if renew {
		b.renewedAt = now
		b.lockedUntil.Store(now.Add(b.cfg.ShareLock).UnixNano())
	}
}

// renewLocks requests a renewal for each open record, if renew is set. Once the locks have
// expired it abandons the records instead.
func (b *inFlight) renewLocks(now time.Time, renew bool) {
	expired := now.UnixNano() >= b.lockedUntil.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	for a := range b.open {
		switch {
		case expired && !a.lastDelivery:
			a.abandon()
		case renew && a.ctx.Err() == nil:
			a.record.Ack(kgo.AckRenew)
		}
	}
}

// onAcksSent gets the broker's answers to acknowledgements and renewals. If one was refused or
// lost, the connection may have ended, and the broker may have taken back the records of its
// partition. These records are abandoned, so that no two members work on one.
func (b *inFlight) onAcksSent(_ *kgo.Client, results kgo.ShareAckResults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		client.LogFailure(b.cfg, "acknowledgement", r.Err)
		for a := range b.open {
			if a.record.Topic == r.Topic && a.record.Partition == r.Partition && !a.lastDelivery {
				a.abandon()
			}
		}
	}
}
